// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Loss of a lock that is held: the answers of the lease, the cancellation of the body, and the transactions that
/// still go through.
@Suite(.timeLimit(.minutes(5))) struct LockLossTests {
    /// A way to lose a lock.
    enum Trouble: CaseIterable, Sendable {
        case sessionExpires
        case nodeDeleted
        case serverFrozen
    }

    /// The session's timeout is long, so that nothing but the trouble itself ends the lock; only where silence is the
    /// trouble it is short.
    private func withLock(
        against trouble: Trouble? = nil,
        _ body: (ZooKeeperServer, ZooKeeperClient, ZooKeeperLock) async throws -> Void
    ) async throws {
        try await ZooKeeperServer.withServer { server in
            var configuration = try server.configuration
            configuration.sessionTimeout = trouble == .serverFrozen ? .seconds(5) : .seconds(30)
            try await ZooKeeperClient.withClient(configuration) { client in
                try await client.create("/data", data: [0])
                try await body(server, client, ZooKeeperLock(client, at: "/a"))
            }
        }
    }

    private func make(_ trouble: Trouble, _ lease: LockLease, _ server: ZooKeeperServer) async throws {
        switch trouble {
        case .sessionExpires: try await server.expire(lease.session)
        case .nodeDeleted:
            try await ZooKeeperClient.withClient(server.configuration) { other in
                try await other.delete(lease.nodePath)
            }
        case .serverFrozen: server.freeze()
        }
    }

    private func isLost(_ trouble: Trouble, _ loss: LockLoss?) -> Bool {
        switch (trouble, loss) {
        case (.sessionExpires, let loss?): loss.isOfExpiry
        case (.nodeDeleted, .nodeDeleted), (.serverFrozen, .deadlinePassed): true
        default: false
        }
    }

    @Test(arguments: Trouble.allCases)
    func theBodyIsCancelledAndTheLossThrownAfterIt(_ trouble: Trouble) async throws {
        try await withLock(against: trouble) { server, client, lock in
            let hasEnded = Shared(false)
            do {
                try await lock.withLock { lease in
                    // Held long enough that its own node is watched, or the deletion would go unnoticed.
                    try await make(trouble, lease, server)
                    await #expect(throws: CancellationError.self) { try await Task.sleep(for: .seconds(3_600)) }
                    #expect { try lease.checkHeld() } throws: { LockError.Code.lost ~= $0 }
                    #expect(lease.remaining == .zero)
                    hasEnded.withLock { $0 = true }
                    throw CancellationError()
                }
                Issue.record("not lost")
            } catch let error as LockError {
                #expect(error.code == .lost)
                #expect(isLost(trouble, error.loss), "\(error)")
                #expect(error.bodyError is CancellationError)
            }
            #expect(hasEnded.value)
            #expect(!Task.isCancelled, "the caller goes on")
            server.thaw()
        }
    }

    @Test(arguments: Trouble.allCases)
    func checkingFailsFromThenOn(_ trouble: Trouble) async throws {
        try await withLock(against: trouble) { server, _, lock in
            let held = try await lock.acquire()
            try held.lease.checkHeld()
            try await make(trouble, held.lease, server)
            try await eventually("lost") { (try? held.lease.checkHeld()) == nil }
            let loss = await held.loss()
            #expect(isLost(trouble, loss))
            #expect { try held.lease.checkHeld() } throws: { ($0 as? LockError)?.loss == loss }
            server.thaw()
            #expect(try await held.release() == loss)
            #expect { try held.lease.checkHeld() } throws: { $0 is LockError }
        }
    }

    @Test(arguments: Trouble.allCases)
    func aGuardedTransactionDoesNotGoThrough(_ trouble: Trouble) async throws {
        try await withLock(against: trouble) { server, client, lock in
            let held = try await lock.acquire()
            try await held.lease.transaction([SetData("/data", to: [1])])
            try await make(trouble, held.lease, server)
            // Sent at once: by our clock the lock is still held, so it is for the servers to refuse it. A frozen one
            // answers when it goes on, and then either it was in time or the session is over.
            let write = Task { try await held.lease.transaction([SetData("/data", to: [2])]) }
            try await eventually("lost") { (try? held.lease.checkHeld()) == nil }
            server.thaw()
            let result = await write.result
            if trouble == .serverFrozen {
                // In both cases no other client could have had the lock meanwhile.
                if case .failure(let error) = result { #expect(error is LockError) }
            } else {
                // `unavailable`: its answer went with the connection.
                #expect { try result.get() } throws: { LockError.Code.lost ~= $0 || LockError.Code.unavailable ~= $0 }
                let data = try await client.get("/data").data
                #expect(data == [1])
            }
            await #expect(throws: LockError.self) { try await held.lease.transaction([SetData("/data", to: [3])]) }
            let data = try await client.get("/data").data
            #expect(data != [3])
        }
    }

    @Test(arguments: Trouble.allCases)
    func verifyingSaysSo(_ trouble: Trouble) async throws {
        try await withLock(against: trouble) { server, _, lock in
            let held = try await lock.acquire()
            try await held.lease.verify()
            try await make(trouble, held.lease, server)
            if trouble == .serverFrozen {
                // No server answers; when the deadline has passed by our own clock, it throws.
                try await eventually("lost") { (try? held.lease.checkHeld()) == nil }
            }
            // `unavailable`: the question, or its answer, went with the connection that ended with the session.
            await #expect { try await held.lease.verify() } throws: {
                LockError.Code.lost ~= $0 || trouble == .sessionExpires && LockError.Code.unavailable ~= $0
            }
            try await eventually("lost") { (try? held.lease.checkHeld()) == nil }
            server.thaw()
        }
    }

    /// The server is killed and comes back in time: nothing is lost.
    @Test func aServerThatRestartsInTimeCostsNothing() async throws {
        try await ZooKeeperServer.withServer { server in
            var configuration = try server.configuration
            configuration.sessionTimeout = .seconds(30)
            try await ZooKeeperClient.withClient(configuration) { client in
                try await client.create("/data")
                try await ZooKeeperLock(client, at: "/a").withLock { lease in
                    let token = lease.fencingToken
                    await server.kill()
                    try lease.checkHeld()
                    try await server.restart()
                    try await lease.verify()
                    try lease.checkHeld()
                    try await lease.transaction([SetData("/data", to: [1])])
                    #expect(lease.fencingToken == token)
                    #expect(!Task.isCancelled)
                }
                let names = try await client.children(of: "/a").names
                #expect(names == [])
            }
        }
    }

    @Test func aBodyThatReturnsBeforeTheLossKeepsItsResult() async throws {
        try await withLock { server, _, lock in
            let held = Shared<LockLease?>(nil)
            let result = try await lock.withLock { lease in
                held.withLock { $0 = lease }
                return 5
            }
            #expect(result == 5)
            let lease = try #require(held.value)
            #expect { try lease.checkHeld() } throws: { LockError.Code.scopeEnded ~= $0 }
            await #expect { try await lease.verify() } throws: { LockError.Code.scopeEnded ~= $0 }
            await #expect {
                try await lease.transaction([SetData("/data", to: [9])])
            } throws: { LockError.Code.scopeEnded ~= $0 }
            #expect(lease.remaining == .zero)
        }
    }

    /// The session may come back after the loss by our own clock: then the node is removed, and others get the lock.
    @Test func theNodeOfALostLockIsRemovedWhenTheSessionComesBack() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                var configuration = try relay.configuration
                configuration.sessionTimeout = .seconds(60)
                // The lease ends after two seconds of silence, the session after sixty.
                configuration.leaseMargin = .seconds(58)
                try await ZooKeeperClient.withClient(configuration) { client in
                    let lock = ZooKeeperLock(client, at: "/a")
                    await #expect {
                        try await lock.withLock { lease in
                            await relay.whileRefusing {
                                await #expect(throws: CancellationError.self) {
                                    try await Task.sleep(for: .seconds(3_600))
                                }
                            }
                        }
                    } throws: { ($0 as? LockError)?.loss == .deadlinePassed }
                    try await eventually("the node is removed") {
                        try await client.children(of: "/a").names.isEmpty
                    }
                    #expect(client.sessionState == .connected(try #require(await client.withSession { $0.id })))
                    try await lock.withLock { _ in }
                }
            }
        }
    }

    @Test func aWaiterWhoseSessionIsLostJoinsAgainInTheNext() async throws {
        try await withLock { server, client, lock in
            try await ZooKeeperClient.withClient(server.configuration) { other in
                let held = try await ZooKeeperLock(other, at: "/a").acquire()
                let waiter = Task { try await lock.withLock { $0.nodePath } }
                try await eventually("waiting") { try await other.children(of: "/a").names.count == 2 }
                let before = Set(try await other.children(of: "/a").names)
                try await server.expire(try await client.withSession { $0 })
                try await eventually("waiting again") {
                    let names = Set(try await other.children(of: "/a").names)
                    return names.count == 2 && names != before
                }
                try await held.release()
                let node = try await waiter.value
                #expect(!before.contains(node.name))
            }
        }
    }

    /// A writer that paused and is late: the resource refuses its token.
    @Test func aFencedResourceRefusesALateWriter() async throws {
        struct Store {
            var highest: FencingToken?
            mutating func accept(_ token: FencingToken) -> Bool {
                if let highest, token < highest { return false }
                highest = token
                return true
            }
        }
        try await withLock { server, client, lock in
            var store = Store()
            let old = try await lock.acquire()
            let oldInTime = store.accept(old.lease.fencingToken)
            try await server.expire(old.lease.session)
            let new = try await lock.acquire()
            let new1 = store.accept(new.lease.fencingToken)
            let oldTooLate = store.accept(old.lease.fencingToken)
            let new2 = store.accept(new.lease.fencingToken)
            #expect([oldInTime, new1, oldTooLate, new2] == [true, true, false, true])
            try await new.release()
        }
    }
}

extension LockLoss {
    /// Allows either of the two ways in which an expired session is noticed.
    ///
    /// The servers remove the session's nodes before they cut its connection. A client that is connected at that
    /// moment may hear from the watch on its own node first, and else learns when it comes back that the session has
    /// expired. The lock is lost by whichever comes first, and the lease names that one.
    var isOfExpiry: Bool { self == .sessionEnded(.lost(.expired)) || self == .nodeDeleted }
}
