// SPDX-License-Identifier: Apache-2.0

import ProcessSignals
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Locks of several processes, and of one whose threads are blocked.
@Suite(.zooKeeperServer, .timeLimit(.minutes(10))) struct ProcessTests {
    /// Eight processes count to 5,000 in a plain file, under the lock and nothing else.
    @Test func eightProcessesLoseNoCount() async throws {
        let server = try ZooKeeperServer.required
        let path = try await server.makeDirectory()
        try await withTemporaryFile(containing: "0") { file in
            let outcomes = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        let (lines, succeeded) = try await Program.testWorker.output(
                            ["exclusion", server.connectString, path.string, file, "625"])
                        #expect(lines == ["counted 625"])
                        return succeeded
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes == Array(repeating: true, count: 8))
            #expect(try readFile(file) == "5000")
        }
    }

    /// User code blocks every thread of the cooperative pool for twice the session's time-out: heartbeats go on, and
    /// the lease is right about its deadline when the server goes away.
    @Test func aBlockedPoolDelaysNeitherHeartbeatsNorDeadlines() async throws {
        try await ZooKeeperServer.withServer { server in
            let (lines, succeeded) = try await Program.testWorker.run(
                ["blocked-pool", server.connectString, "/a", "6000"]
            ) { worker in
                _ = try await worker.line(startingWith: "kept")
                server.freeze()
                _ = try await worker.line(startingWith: "lost")
                server.thaw()
            }
            #expect(lines == ["kept", "lost in time"])
            #expect(succeeded)
        }
    }

    /// The process of the holder is stopped for longer than its session lives, and another client gets the lock. When
    /// it goes on, the first look at the lease says that it is over.
    @Test func aProcessThatWasStoppedKnowsWhenItGoesOn() async throws {
        try await ZooKeeperServer.withServer { server in
            let (lines, succeeded) = try await Program.testWorker.run(
                ["blocked-pool", server.connectString, "/a", "0"]
            ) { worker in
                _ = try await worker.line(startingWith: "kept")
                ProcessSignal.stop(worker.pid)
                try await ZooKeeperClient.withClient(server.configuration) { other in
                    try await ZooKeeperLock(other, at: "/a").withLock { _ in }
                }
                #expect(worker.lines.value == ["kept"])
                ProcessSignal.send(SIGCONT, to: worker.pid)
            }
            #expect(lines == ["kept", "lost in time"])
            #expect(succeeded)
        }
    }
}
