// SPDX-License-Identifier: Apache-2.0

import InMemoryLogging
import Logging
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// The lines at level debug by which an operator can follow a lock.
@Suite(.zooKeeperServer, .timeLimit(.minutes(1))) struct LockLogTests {
    /// Runs `body` with a client whose lines about locks can be read.
    private func withLog(
        _ body: (_ client: ZooKeeperClient, _ lines: () -> [Logger.Message]) async throws -> Void
    ) async throws {
        let server = try ZooKeeperServer.required
        var configuration = try server.configuration
        configuration.chroot = try await server.makeDirectory()
        var log = InMemoryLogHandler()
        log.logLevel = .debug
        let handler = log
        try await ZooKeeperClient.withClient(configuration, logger: Logger(label: "test") { _ in handler }) { client in
            try await body(client) {
                handler.entries.filter { $0.metadata["zookeeper.lock.path"] == "/a" }.map(\.message)
            }
        }
    }

    @Test func aHoldIsFollowed() async throws {
        try await withLog { client, lines in
            try await client.create("/a")
            let lock = ZooKeeperLock(client, at: "/a")
            let first = try await lock.acquire()
            let second = Task { try await lock.acquire() }
            try await eventually("it waits") { lines().contains("Waiting behind a participant") }
            try await first.release()
            try await second.value.release()
            try await eventually("both are released") { lines().count { $0 == "The lock is released" } == 2 }
            #expect(
                lines().prefix(4) == [
                    "Joining the queue of a lock", "The lock is granted", "Joining the queue of a lock",
                    "Waiting behind a participant",
                ])
            // The second may know that it has it before the first knows that its node is gone.
            #expect(lines().dropFirst(4).count { $0 == "The lock is granted" } == 1)
            #expect(lines().count == 7)
        }
    }

    /// What is lost is not released.
    @Test(arguments: [true, false]) func aLossIsSaidOnce(expires: Bool) async throws {
        try await withLog { client, lines in
            await #expect(throws: LockError.self) {
                try await ZooKeeperLock(client, at: "/a").withLock { lease in
                    if expires {
                        try await ZooKeeperServer.required.expire(lease.session)
                    } else {
                        try await client.delete(lease.nodePath)
                    }
                    _ = await Promise<Void>().wait()
                }
            }
            // Behind everything of the first.
            try await ZooKeeperLock(client, at: "/a").withLock { _ in }
            try await eventually("the second is released") { lines().last == "The lock is released" }
            #expect(lines().count { $0 == "The lock is released" } == 1)
            #expect(lines().count { "\($0)".hasPrefix("The lock is lost") } == 1)
        }
    }
}
