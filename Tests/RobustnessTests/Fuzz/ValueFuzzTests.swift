// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Random values of everything else that has a text or bytes.
@Suite(.timeLimit(.minutes(10))) struct ValueFuzzTests {
    @Test func accessControlIsCheckedBeforeItIsSent() {
        Fuzz.forEachSeed(5_000) { seed, random in
            let entries = (0..<random.int(0...4)).map { _ in
                AccessControl.Entry(
                    AccessControl.Permissions(rawValue: Int32(truncatingIfNeeded: random.next())),
                    for: .init(scheme: random.text(0...5), id: random.text(0...5)))
            }
            let request = SetAccessControl("/a", to: AccessControl(entries)).makeRequest().rooted(at: .root)
            let texts = entries.flatMap { [$0.identity.scheme, $0.identity.id] }
            // Header, path, count, then permissions and two texts for each, version.
            let length = 8 + 6 + 4 + entries.count * 12 + texts.reduce(0) { $0 + $1.utf8.count } + 4
            #expect(request.encodedLength == length, "seed \(seed)")
            var code: ZooKeeperError.Code?
            do throws(ZooKeeperError) { try request.validate() } catch { code = error.code }
            if entries.isEmpty {
                #expect(code == .invalidACL)
            } else {
                // These end a C string, or come back broken from the servers.
                let isBad = texts.contains { $0.utf8.contains { $0 == 0 || $0 >= 0xF0 } }
                #expect(code == (isBad ? .invalidArgument : nil), "seed \(seed)")
            }
        }
    }

    @Test func fencingTokensSortInEveryForm() {
        var previous = FencingToken(czxid: Zxid(rawValue: 0))
        Fuzz.forEachSeed(10_000) { seed, random in
            // Near each other, so that the counter matters too.
            let bits = random.next()
            let shift = UInt64(random.int(1...63))
            let token = FencingToken(
                czxid: random.oneIn(3) ? previous.czxid : Zxid(rawValue: Int64(bits >> shift)),
                counter: UInt32(truncatingIfNeeded: random.next()) >> UInt32(random.int(0...31)))
            #expect(FencingToken(bytes: token.bytes) == token, "seed \(seed)")
            #expect(FencingToken(token.description) == token, "seed \(seed)")
            #expect(token.bytes.lexicographicallyPrecedes(previous.bytes) == (token < previous), "seed \(seed)")
            #expect((token.description < previous.description) == (token < previous), "seed \(seed)")
            previous = token
        }
    }

    @Test func whatIsNoFencingTokenIsNotReadAsOne() {
        Fuzz.forEachSeed(10_000) { seed, random in
            let text = random.oneIn(2) ? random.text(20...26, plain: ["0", "9", "a", "f"]) : random.text(0...30)
            if let token = FencingToken(text) {
                #expect(token.description.utf8.elementsEqual(text.utf8), "seed \(seed): \(text.debugDescription)")
            } else {
                let digits = "0123456789abcdef".utf8
                #expect(
                    text.utf8.count != 24 || !text.utf8.allSatisfy { digits.contains($0) },
                    "seed \(seed): \(text.debugDescription)")
            }
            let bytes = random.bytes(random.int(0...16))
            #expect(FencingToken(bytes: bytes).map { $0.bytes == bytes } ?? (bytes.count != 12), "seed \(seed)")
        }
    }

    private let nothing = ZNodeStat(
        czxid: Zxid(rawValue: 0), mzxid: Zxid(rawValue: 0), pzxid: Zxid(rawValue: 0), ctime: 0, mtime: 0, version: 0,
        cversion: 0, aversion: 0, ephemeralOwner: SessionID(rawValue: 0), dataLength: 0, numChildren: 0)

    private func configuration(_ data: [UInt8]) throws -> EnsembleConfiguration {
        let response = Response(.node(ZNode(data: data, stat: nothing)))
        let read = GetEnsembleConfiguration()
        return try read.output(of: .success(response), to: read.makeRequest())
    }

    @Test func ensembleConfigurationsAreRead() throws {
        try Fuzz.forEachSeed(5_000) { seed, random in
            var servers: [Int: String] = [:]
            for _ in 0..<random.int(0...5) {
                servers[random.int(0...255)] =
                    "zk\(random.int(1...9)):2888:3888:participant;0.0.0.0:\(random.int(1...9))"
            }
            let version = Int64(bitPattern: random.next() >> 1)
            var lines = servers.map { "server.\($0.key)=\($0.value)" } + ["version=\(String(version, radix: 16))"]
            // Unknown and broken lines are ignored.
            for _ in 0..<random.int(0...3) {
                let line = random.pick([
                    "", "=", "server.", "server.x=a", "group.1=1:2", "weight.1=1", random.text(0...9),
                ])
                lines.insert(line, at: random.int(0...lines.count))
            }
            let lineEnd = random.oneIn(4) ? "\r\n" : "\n"
            let read = try configuration(Array(lines.joined(separator: lineEnd).utf8))
            #expect(read.servers == servers, "seed \(seed)")
            #expect(read.version == version, "seed \(seed)")
            _ = try configuration(random.bytes(random.int(0...200)))
        }
    }
}
