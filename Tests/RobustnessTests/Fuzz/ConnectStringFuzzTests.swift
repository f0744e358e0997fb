// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// Random connect strings, against the JVM client itself.
@Suite(.timeLimit(.minutes(10))) struct ConnectStringFuzzTests {
    private func randomConnectString(_ random: inout SplitMix64) -> String {
        if random.oneIn(10) {
            return random.text(0...8, plain: ["a", "1", ":", ",", "/", "[", "]", " ", "."])
        }
        var text = ""
        for index in 0..<random.int(1...4) {
            if index > 0 { text += random.pick([",", ",", ",", ", ", " ,", ",,"]) }
            switch random.int(0...9) {
            case 0: text += random.pick(["[::1]", "[fe80::1%eth0]", "[]", "[::1", "::1", "[a]", "[::1]x"])
            case 1: text += random.text(0...5)
            default: text += random.pick(["a", "zk1", "zk2.example.org", "127.0.0.1"])
            }
            switch random.int(0...9) {
            case 0: text += random.pick([":", ":0", ":65535", ":65536", ":-1", ":+1", ":x", ":00001", ":1 ", ": 1"])
            case 1: text += random.pick([":\u{661}", ":1\u{301}", ":99999999999999999999", ":2:3", ":0x10"])
            case 2: break
            default: text += ":\(random.int(1...65_535))"
            }
        }
        switch random.int(0...9) {
        case 0...3: break
        case 4: text += "/"
        case 5: text += "/" + random.text(0...3)
        case 6: text += "/\u{301}" + random.pick(["", "a"])
        case 7: text += "/a/" + random.text(0...3) + random.pick(["", "/", "//a", ",b:1"])
        default: text += "/app"
        }
        return text
    }

    /// Returns `true` for text that is refused although the JVM client takes it, because it would fail or surprise
    /// later.
    private func isRefusedOnPurpose(_ text: String) -> Bool {
        let slash = text.utf8.firstIndex(of: 0x2F) ?? text.endIndex
        let chroot = text[slash...]
        // "a:1/a,b:2/b" has the chroot "/a,b:2/b" there.
        if chroot.utf8.contains(0x2C) { return true }
        let parts = text[..<slash].utf8.split(separator: 0x2C)
        if parts.allSatisfy({ $0.allSatisfy { $0 == 0x20 } }) { return true }
        return parts.contains { part in
            let server = String(Substring(part))
            let host = server.utf8.lastIndex(of: 0x3A).map { server[..<$0] } ?? server[...]
            // No server listens on port 0. A name has no spaces or control characters in it and is not empty; a
            // bracket has its other half.
            let isPortZero = server.utf8.reversed().drop { $0 == 0x20 }.prefix { $0 == 0x30 }.count > 0
            let isOdd = server.utf8.contains { $0 <= 0x20 || $0 == 0x7F || $0 == 0x5B || $0 == 0x5D || $0 == 0x2B }
            return isPortZero || isOdd || host.isEmpty || server.utf8.contains { $0 > 0x7F } || server.utf8.last == 0x3A
        }
    }

    @Test func theMeaningIsThatOfTheJVM() async throws {
        var texts: [String] = []
        Fuzz.forEachSeed(5_000) { _, random in texts.append(randomConnectString(&random)) }
        let answers = try await JVM.answers(to: texts, as: .connectString)
        var accepted = 0
        for (text, answer) in zip(texts, answers) {
            guard let ours = try? ZooKeeperConfiguration(text) else {
                #expect(answer == "-" || isRefusedOnPurpose(text), "refused: \(text.debugDescription)")
                continue
            }
            accepted += 1
            let servers = ours.servers.map { "\($0.host.hexadecimal):\($0.port)," }.joined()
            let chroot = ours.chroot.isRoot ? "" : ours.chroot.string.hexadecimal
            #expect("+\(servers)/\(chroot)" == answer, "accepted: \(text.debugDescription)")
        }
        #expect(accepted > texts.count / 5, "\(accepted) of \(texts.count)")
    }

    @Test func whatIsAcceptedIsReadAgainFromItsParts() {
        Fuzz.forEachSeed(5_000) { seed, random in
            let text = randomConnectString(&random)
            guard let read = try? ZooKeeperConfiguration(text) else { return }
            let written = read.servers.map(\.description).joined(separator: ",") + read.chroot.string
            let again = try? ZooKeeperConfiguration(written)
            #expect(
                again?.servers == read.servers, "seed \(seed): \(text.debugDescription) as \(written.debugDescription)")
            #expect(again?.chroot == read.chroot, "seed \(seed): \(text.debugDescription)")
        }
    }
}
