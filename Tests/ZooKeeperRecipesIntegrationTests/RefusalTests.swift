// SPDX-License-Identifier: Apache-2.0

import InMemoryLogging
import Logging
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// A directory in which every client may create and read, and only one identity may delete: the holder that releases a
/// lock there gets an error that its node stays, and so do the next calls for that lock.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct RefusalTests {
    private static let administrator = Credential.digest(user: "administrator", password: "secret")

    /// Runs `body` with a client that may not delete in `/shared`, one that may, and what the first has logged.
    private func withSharedDirectory(
        sessionTimeout: Duration = .seconds(30),
        _ body: (ZooKeeperClient, _ administrator: ZooKeeperClient, InMemoryLogHandler) async throws -> Void
    ) async throws {
        let server = try ZooKeeperServer.required
        var configuration = try server.configuration
        configuration.chroot = try await server.makeDirectory()
        configuration.sessionTimeout = sessionTimeout
        var privileged = configuration
        privileged.credentials = [Self.administrator]
        let log = InMemoryLogHandler()
        try await ZooKeeperClient.withClient(privileged) { administrator in
            try await administrator.create(
                "/shared",
                accessControl: AccessControl([
                    .init([.read, .create], for: .anyone), .init(.all, for: .creator),
                ]))
            try await ZooKeeperClient.withClient(configuration, logger: Logger(label: "test") { _ in log }) { client in
                try await body(client, administrator, log)
            }
        }
    }

    private func isRefusal(_ error: any Error, _ code: LockError.Code) -> Bool {
        code ~= error && ZooKeeperError.Code.noAuth ~= error
    }

    private func warnings(_ log: InMemoryLogHandler) -> Int { log.entries.count { $0.level == .warning } }

    @Test func aScopeAndTheNextOneSaySo() async throws {
        try await withSharedDirectory { client, administrator, log in
            let lock = ZooKeeperLock(client, at: "/shared")
            let hasRun = Shared(false)
            await #expect {
                try await lock.withLock { _ in hasRun.withLock { $0 = true } }
            } throws: {
                isRefusal($0, .notReleased)
            }
            #expect(hasRun.value)
            try await eventually("it is logged") { warnings(log) == 1 }
            // At once, and nothing new is left.
            for _ in 0..<2 {
                await #expect { try await lock.withLock { _ in } } throws: { isRefusal($0, .unavailable) }
                await #expect { try await lock.acquire() } throws: { isRefusal($0, .unavailable) }
                await #expect { try await lock.withLockIfAvailable { _ in } } throws: { isRefusal($0, .unavailable) }
                await #expect {
                    try await ZooKeeperElection(client, at: "/shared").withLeadership { _ in }
                } throws: {
                    isRefusal($0, .unavailable)
                }
            }
            #expect(try await lock.participants().count == 1)
            #expect(warnings(log) == 1)
            // A client with the permission removes it.
            try await administrator.delete(try #require(try await lock.participants().first).path)
            await #expect { try await lock.withLock { _ in } } throws: { isRefusal($0, .notReleased) }
        }
    }

    @Test func aReleaseByHandSaysSo() async throws {
        try await withSharedDirectory { client, _, _ in
            let held = try await ZooKeeperLock(client, at: "/shared").acquire()
            await #expect { try await held.release() } throws: { isRefusal($0, .notReleased) }
            // Nothing is done again.
            #expect(try await held.release() == nil)
            await #expect {
                try await ZooKeeperReadWriteLock(client, at: "/shared").withWriteLock { _ in }
            } throws: {
                isRefusal($0, .unavailable)
            }
        }
    }

    @Test func theErrorOfTheBodyIsNotForgotten() async throws {
        struct Failed: Error {}
        try await withSharedDirectory { client, _, _ in
            await #expect {
                try await ZooKeeperLock(client, at: "/shared").withLock { _ in throw Failed() }
            } throws: {
                isRefusal($0, .notReleased) && ($0 as? LockError)?.bodyError is Failed
            }
        }
    }

    /// A waiter of the same client would wait behind that node for as long as the session lives.
    @Test func aWaiterBehindItIsToldToo() async throws {
        try await withSharedDirectory { client, _, _ in
            let lock = ZooKeeperLock(client, at: "/shared")
            let held = try await lock.acquire()
            let waiting = Task { try await lock.withLock { _ in } }
            try await eventually("enqueued") { try await lock.participants().count == 2 }
            await #expect { try await held.release() } throws: { isRefusal($0, .notReleased) }
            let result = await waiting.result
            #expect { try result.get() } throws: { isRefusal($0, .unavailable) }
        }
    }

    /// The node is removed when permissions change: at once after a new credential, soon after a changed access
    /// control list.
    @Test(arguments: [true, false]) func whatMayBeRemovedLaterIs(_ byCredential: Bool) async throws {
        try await withSharedDirectory(sessionTimeout: .seconds(12)) { client, administrator, _ in
            let lock = ZooKeeperLock(client, at: "/shared")
            await #expect { try await lock.withLock { _ in } } throws: { isRefusal($0, .notReleased) }
            if byCredential {
                try await client.authenticate(Self.administrator)
            } else {
                try await administrator.setAccessControl(of: "/shared", to: .open)
            }
            try await eventually("the node is gone") { try await administrator.children(of: "/shared").names.isEmpty }
            try await lock.withLock { _ in }
        }
    }

    @Test func aNewSessionBeginsAnew() async throws {
        try await withSharedDirectory { client, administrator, _ in
            let lock = ZooKeeperLock(client, at: "/shared")
            await #expect { try await lock.withLock { _ in } } throws: { isRefusal($0, .notReleased) }
            try await ZooKeeperServer.required.expire(try await client.withSession { $0 })
            try await eventually("gone with its session") {
                try await administrator.children(of: "/shared").names.isEmpty
            }
            await #expect { try await lock.withLock { _ in } } throws: { isRefusal($0, .notReleased) }
        }
    }

    /// A leader that is requeued while another node of its client cannot be removed leaves its old one to the janitor.
    @Test func requeueingLeavesNoUnknownNode() async throws {
        try await withSharedDirectory(sessionTimeout: .seconds(12)) { client, administrator, _ in
            let election = ZooKeeperElection(client, at: "/shared")
            await #expect {
                try await election.withTerms { _ in
                    // Another candidate of the same client leaves a node.
                    await #expect(throws: LockError.self) {
                        try await Task.detached {
                            try await election.withLeadership(waitingUpTo: .milliseconds(50)) { _ in }
                        }.value
                    }
                    try await eventually("it is known") {
                        lockIsBlocked(client)
                    }
                    return .requeue
                }
            } throws: {
                isRefusal($0, .unavailable)
            }
            try await administrator.setAccessControl(of: "/shared", to: .open)
            try await eventually("both are gone") { try await administrator.children(of: "/shared").names.isEmpty }
            try await election.withLeadership { _ in }
        }
    }

    private func lockIsBlocked(_ client: ZooKeeperClient) -> Bool {
        client.currentSession?.janitor.leftover(in: "/shared") != nil
    }

    #if ServiceLifecycle
    /// The service logs the refusal once, and goes on when the node is gone.
    @Test func aLeaderServiceSaysSoAndGoesOn() async throws {
        try await withSharedDirectory(sessionTimeout: .seconds(12)) { client, administrator, log in
            let terms = Shared(0)
            let mayWork = Promise<Void>()
            let service = LeaderService(ZooKeeperElection(client, at: "/shared")) { _ in
                terms.withLock { $0 += 1 }
                if terms.value > 1 { await mayWork.wait() }
            }
            let running = Task { try await service.run() }
            try await eventually("it says so") { log.entries.contains { $0.level == .error } }
            #expect(terms.value == 1)
            try await administrator.setAccessControl(of: "/shared", to: .open)
            try await eventually("it leads again") { terms.value == 2 }
            #expect(log.entries.count { $0.level == .error } == 1)
            running.cancel()
            try await running.value
        }
    }
    #endif
}
