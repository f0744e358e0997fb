// SPDX-License-Identifier: Apache-2.0

import ProcessSignals
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A resolver that fails or hangs. In the C client that is a busy loop, or a session that is lost without a word.
@Suite(.timeLimit(.minutes(3))) struct NameResolutionTests {
    /// Runs a worker that reads all the time, with names resolved as the file says.
    private func withWorker(
        _ orders: String, besides: String = "",
        _ body:
            @Sendable (ZooKeeperServer, ZooKeeperRelay, Program.Running, _ give: @Sendable (String) throws -> Void)
            async throws -> Void
    ) async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                try await withTemporaryFile(containing: orders) { file in
                    try await Program.testWorker.run(
                        ["names", "zk.test:\(relay.port)\(besides)"], environment: ["FAULTY_RESOLVER": file]
                    ) { worker in
                        defer { ProcessSignal.send(SIGKILL, to: worker.pid) }
                        try await body(server, relay, worker) { try overwrite(file, $0) }
                    }
                }
            }
        }
    }

    @Test(arguments: ["fail", "hang"])
    func aConnectedSessionNeedsNoNames(_ trouble: String) async throws {
        try await withWorker("127.0.0.1") { server, relay, worker, give in
            _ = try await worker.line(startingWith: "ok 1")
            try give(trouble)
            // Longer than the session would live without a heartbeat, and over a reconnect.
            let before = relay.traffic.requests[.exists, default: 0]
            try await eventually("it goes on") { relay.traffic.requests[.exists, default: 0] > before + 200 }
            relay.cut()
            try await eventually("connected again") { relay.traffic.connections == 2 }
            await server.kill()
            try await server.restart()
            try await eventually("connected again") { relay.traffic.connections >= 3 }
            try await eventually("reading") { relay.traffic.requests[.exists, default: 0] > before + 300 }
            let outcomes = worker.lines.value.filter { !$0.hasPrefix("lookups") }
            #expect(outcomes == ["ok 1"], "neither an error nor another session")
        }
    }

    /// The C client's default is to ask in every turn of its loop, which costs most of its throughput.
    @Test func addressesAreAskedForOnce() async throws {
        try await withWorker("127.0.0.1") { _, _, worker, _ in
            let line = try await worker.line(startingWith: "lookups")
            let count = try #require(Int(line.split(separator: " ")[1]))
            #expect(count < 20, "in 300 reads")
        }
    }

    @Test(arguments: ["fail", "hang"])
    func atTheStartItIsSaidAndARecoveryIsPickedUp(_ trouble: String) async throws {
        try await withWorker(trouble) { _, _, worker, give in
            _ = try await worker.line(startingWith: "error connectTimeout")
            try expectIdle(worker.pid)
            try give("127.0.0.1")
            _ = try await worker.line(startingWith: "ok ")
        }
    }

    /// The first address has no server.
    @Test func anotherAddressIsPickedUp() async throws {
        try await withWorker("127.0.0.9") { _, _, worker, give in
            _ = try await worker.line(startingWith: "error connectTimeout")
            try expectIdle(worker.pid)
            try give("127.0.0.1")
            _ = try await worker.line(startingWith: "ok ")
        }
    }

    @Test func theNextSessionAsksForTheAddressAgain() async throws {
        try await withWorker("127.0.0.1") { _, relay, worker, give in
            _ = try await worker.line(startingWith: "ok 1")
            try give("fail")
            try await relay.whileRefusing {
                // First the connection is missed, then, when the session has been given up, the address.
                try await eventually("asked for the address") {
                    worker.lines.value.contains { $0.hasPrefix("error") && $0.contains("cannot be resolved") }
                }
            }
            try give("127.0.0.1")
            try await eventually("reading") { worker.lines.value.last?.hasPrefix("ok") == true }
            #expect(worker.lines.value.last != "ok 1")
        }
    }

    /// The behaviour of an address that is a server's no more.
    enum OldAddress: CaseIterable, Sendable {
        case refuses
        /// Accepts connections, and is silent.
        case isFrozen
    }

    /// As in a rolling restart: the name of the server stands for another address.
    @Test(arguments: OldAddress.allCases) func aSessionGoesWithItsName(_ old: OldAddress) async throws {
        try await withWorker("127.0.0.2") { server, relay, worker, give in
            // Nobody is there yet.
            _ = try await worker.line(startingWith: "error connectTimeout")
            try await ZooKeeperRelay.withRelay(to: server, port: relay.port, host: 2) { first in
                try await eventually("reading") { worker.lines.value.last?.hasPrefix("ok") == true }
                let session = try #require(worker.lines.value.last)
                let before = worker.lines.value.count
                func move() async throws {
                    try give("127.0.0.1")
                    try await eventually("reading at the other address") {
                        relay.traffic.requests[.exists, default: 0] > 20
                    }
                }
                switch old {
                case .refuses: try await first.whileRefusing { try await move() }
                case .isFrozen:
                    first.freeze()
                    first.cut()
                    try await move()
                }
                let outcomes = worker.lines.value.dropFirst(before).filter { !$0.hasPrefix("lookups") }
                #expect(outcomes.isEmpty, "neither an error nor another session than \(session)")
                first.thaw()
            }
        }
    }

    /// The other server has a number.
    @Test func aNameThatHangsKeepsNoOtherWaiting() async throws {
        try await ZooKeeperServer.withServer { other in
            try await withWorker("hang", besides: ",127.0.0.1:\(other.port)") { _, _, worker, _ in
                let first = try await worker.line(startingWith: "")
                #expect(first.hasPrefix("ok 1"), "\(first)")
            }
        }
    }

    /// Checks that the process is idle most of the time. (A busy loop takes all of a processor.)
    private func expectIdle(_ pid: Int32) throws {
        // Over its whole life, with the start.
        let fields = try readFile("/proc/\(pid)/stat").split(separator: ")").last?.split(separator: " ") ?? []
        let ticks = try #require(Double(fields[11])) + #require(Double(fields[12]))
        let uptime = try #require(Double(readFile("/proc/uptime").split(separator: " ")[0]))
        let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))
        let age = uptime - (try #require(Double(fields[19]))) / ticksPerSecond
        #expect(ticks / ticksPerSecond < age / 2)
    }
}
