// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Acquire and release, contention and attempts, with a server that is available.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct LockTests {
    // MARK: Acquire and release

    @Test func theBodyRunsWhileTheNodeIsThere() async throws {
        try await ZooKeeperServer.required.withClient { client in
            let lock = ZooKeeperLock(client, at: "/locks/a")
            let result = try await lock.withLock { lease in
                try lease.checkHeld()
                #expect(lease.remaining > .zero)
                let node = try await client.get(lease.nodePath)
                #expect(FencingToken(czxid: node.stat.czxid) == lease.fencingToken)
                #expect(node.data == Array(ProcessIdentity.description.utf8))
                #expect(lease.nodePath.parent == "/locks/a")
                #expect(LineDialect.curator.parse(lease.nodePath.name) != .foreign)
                return 42
            }
            #expect(result == 42)
            let left = try await client.childNames(of: "/locks/a")
            #expect(left == [])
        }
    }

    @Test func theBodysErrorIsThrownAndTheLockIsReleased() async throws {
        struct Oops: Error {}
        try await ZooKeeperServer.required.withClient { client in
            let lock = ZooKeeperLock(client, at: "/a")
            await #expect(throws: Oops.self) { try await lock.withLock { _ in throw Oops() } }
            let left = try await client.childNames(of: "/a")
            #expect(left == [])
        }
    }

    @Test func tokensGrowFromHolderToHolder() async throws {
        try await ServerKind.real.withClients { clients in
            let (first, second) = (clients[0], clients[1])
            var last = FencingToken(czxid: Zxid(rawValue: 0))
            for round in 0..<20 {
                let lock = ZooKeeperLock(round % 2 == 0 ? first : second, at: "/a")
                let token = try await lock.withLock { $0.fencingToken }
                #expect(token > last)
                last = token
                // The numbers of the nodes start again with the directory; the tokens do not.
                if round == 10 { try await first.delete("/a") }
            }
        }
    }

    @Test func aLockAtTheRootWorks() async throws {
        try await ZooKeeperServer.required.withClient { client in
            try await ZooKeeperLock(client, at: "/").withLock { lease in
                #expect(lease.nodePath.parent == .root)
            }
        }
    }

    @MainActor @Test func theBodyRunsInTheCallersIsolation() async throws {
        final class NotSendable { var count = 0 }
        let object = NotSendable()
        let server = try ZooKeeperServer.required
        try await server.withClient { client in
            let returned = try await ZooKeeperLock(client, at: "/a").withLock { _ in
                MainActor.assertIsolated()
                object.count += 1
                return object
            }
            #expect(returned.count == 1)
        }
    }

    // MARK: Contention

    @Test(arguments: ServerKind.allCases) func contendersAreServedInTheOrderInWhichTheyCame(
        _ server: ServerKind
    ) async throws {
        try await server.withClients { clients in
            let (first, second) = (clients[0], clients[1])
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            let order = Shared<[Int]>([])
            var tasks: [Task<Void, any Error>] = []
            for index in 0..<10 {
                let lock = ZooKeeperLock(index % 2 == 0 ? first : second, at: "/a")
                tasks.append(
                    Task { try await lock.withLock { _ in order.withLock { $0.append(index) } } })
                try await first.waitForQueue(at: "/a", of: index + 2)
            }
            try await held.release()
            for task in tasks { try await task.value }
            #expect(order.value == Array(0..<10))
        }
    }

    @Test(arguments: ServerKind.allCases) func neverTwoAtOnce(_ server: ServerKind) async throws {
        try await server.withClients { clients in
            let holders = HolderCount()
            try await holders.contend(for: "/a", by: clients)
            #expect(holders.value == (now: 0, most: 1, total: 160))
            let left = try await clients[0].childNames(of: "/a")
            #expect(left == [])
        }
    }

    @Test func aWaiterWhoseNodeIsDeletedIsEnqueuedAgain() async throws {
        try await ServerKind.real.withClients { clients in
            let (first, second) = (clients[0], clients[1])
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            let waiter = Task { try await ZooKeeperLock(second, at: "/a").withLock { $0.nodePath } }
            try await first.waitForQueue(at: "/a", of: 2)
            let all = try await first.childNames(of: "/a")
            let waiting = try #require(all.first { $0 != held.lease.nodePath.name })
            try await first.delete(ZNodePath("/a").child(waiting))
            try await eventually("it is there again") {
                let names = try await first.childNames(of: "/a")
                return names.count == 2 && !names.contains(waiting)
            }
            try await held.release()
            #expect(try await waiter.value.name != waiting)
        }
    }

    @Test func aWriteToTheHoldersNodeGrantsNothing() async throws {
        try await ServerKind.real.withClients { clients in
            let (first, second) = (clients[0], clients[1])
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            let entered = Shared(false)
            let waiter = Task {
                try await ZooKeeperLock(second, at: "/a").withLock { _ in entered.withLock { $0 = true } }
            }
            try await first.waitForQueue(at: "/a", of: 2)
            for _ in 0..<10 { try await first.set(held.lease.nodePath, to: "poke".utf8) }
            try held.lease.checkHeld()
            #expect(!entered.value)
            try await held.release()
            try await waiter.value
        }
    }

    // MARK: Attempts

    @Test func anAttemptTakesWhatIsFreeOnly() async throws {
        try await ServerKind.real.withClients { clients in
            let (first, second) = (clients[0], clients[1])
            let mine = ZooKeeperLock(first, at: "/a")
            let theirs = ZooKeeperLock(second, at: "/a")
            let inner = try await mine.withLockIfAvailable { _ in
                try await theirs.withLockIfAvailable { _ in 1 }
            }
            #expect(inner == .some(nil))
            let after = try await theirs.withLockIfAvailable { _ in 2 }
            #expect(after == 2)
            let left = try await first.childNames(of: "/a")
            #expect(left == [])
        }
    }

    // MARK: By hand

    @Test func aHeldLockIsHeldUntilItIsReleased() async throws {
        try await ServerKind.real.withClients { clients in
            let (first, second) = (clients[0], clients[1])
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            let other = try await ZooKeeperLock(second, at: "/a").withLockIfAvailable { _ in 1 }
            #expect(other == nil)
            #expect(try await held.release() == nil)
            #expect(try await held.release() == nil, "again is harmless")
            #expect(await held.loss() == nil)
            #expect { try held.lease.checkHeld() } throws: { LockError.Code.scopeEnded ~= $0 }
            let after = try await ZooKeeperLock(second, at: "/a").withLockIfAvailable { _ in 1 }
            #expect(after == 1)
        }
    }

    @Test func aDroppedLockIsReleased() async throws {
        try await ZooKeeperServer.required.withClient { client in
            do {
                let held = try await ZooKeeperLock(client, at: "/a").acquire()
                #expect(held.lease.remaining > .zero)
            }
            try await client.waitForQueue(at: "/a", of: 0)
        }
    }

    @Test func acquiringReportsCancellationAsACode() async throws {
        try await ServerKind.real.withClients { clients in
            let (first, second) = (clients[0], clients[1])
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            let task = Task { try await ZooKeeperLock(second, at: "/a").acquire() }
            try await first.waitForQueue(at: "/a", of: 2)
            task.cancel()
            do {
                _ = try await task.value
                Issue.record("had the lock")
            } catch LockError.Code.cancelled {}
            try await first.waitForQueue(at: "/a", of: 1)
            try await held.release()
        }
    }
}
