// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Time-outs and cancellation of waits for a lock.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct LockTimeOutTests {
    @Test(arguments: ServerKind.allCases) func aTimeOutNamesTheHolderAndLeavesNothing(_ server: ServerKind) async throws
    {
        try await server.withClients { clients in
            let (first, second) = (clients[0], clients[1])
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            let error = try await errorOfTimedOutWait { limit in
                try await ZooKeeperLock(second, at: "/a").withLock(waitingUpTo: limit) { _ in }
            }
            #expect(error.code == .timedOut)
            #expect(error.holder == held.lease.nodePath.name)
            #expect(error.path == "/a")
            try await first.waitForQueue(at: "/a", of: 1)
            #expect(held.lease.remaining > .zero)
        }
    }

    @Test(arguments: [Duration.zero, .seconds(-1), .seconds(Int64.min / 2)])
    func aTimeOutOfNothingSendsNothing(_ limit: Duration) async throws {
        try await ZooKeeperServer.required.withRelayedClient { client, relay in
            let before = relay.traffic
            let lock = ZooKeeperLock(client, at: "/a")
            await #expect(throws: LockError.self) {
                try await lock.withLock(waitingUpTo: limit) { _ in Issue.record("ran") }
            }
            await #expect(throws: LockError.self) { try await lock.acquire(waitingUpTo: limit) }
            #expect((relay.traffic - before).requestCount == 0)
        }
    }

    @Test(arguments: ServerKind.allCases) func cancellingAWaiterLeavesNothingAndOthersGoOn(
        _ server: ServerKind
    ) async throws {
        try await server.withClients { clients in
            let (first, second) = (clients[0], clients[1])
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            let cancelled = Task { try await ZooKeeperLock(second, at: "/a").withLock { _ in } }
            try await first.waitForQueue(at: "/a", of: 2)
            let patient = Task { try await ZooKeeperLock(second, at: "/a").withLock { _ in 7 } }
            try await first.waitForQueue(at: "/a", of: 3)
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            try await first.waitForQueue(at: "/a", of: 2)
            try await held.release()
            #expect(try await patient.value == 7)
            let left = try await first.childNames(of: "/a")
            #expect(left == [])
        }
    }

    @Test func aCancelledTaskGetsNoLock() async throws {
        try await ZooKeeperServer.required.withClient { client in
            let isCancelled = Promise<Void>()
            let task = Task {
                await isCancelled.wait(isShielded: true)
                try await ZooKeeperLock(client, at: "/a").withLock { _ in Issue.record("ran") }
            }
            task.cancel()
            isCancelled.fulfil(())
            await #expect(throws: CancellationError.self) { try await task.value }
            try await client.waitForQueue(at: "/a", of: 0)
        }
    }

    /// Cancellations at a hundred different moments leave no node, and the lock can be acquired.
    @Test func cancellingAtAnyMomentLeavesNothing() async throws {
        try await ZooKeeperServer.required.withClient { client in
            let lock = ZooKeeperLock(client, at: "/a")
            for round in 0..<100 {
                let task = Task { try await lock.withLock { _ in try await client.sync() } }
                for _ in 0..<(round * 3) { await Task.yield() }
                task.cancel()
                _ = await task.result
            }
            try await client.waitForQueue(at: "/a", of: 0)
            try await lock.withLock(waitingUpTo: .seconds(30)) { _ in }
        }
    }

    @Test func releasingIsNotCancelled() async throws {
        try await ZooKeeperServer.required.withClient { client in
            let lock = ZooKeeperLock(client, at: "/a")
            let isInside = Promise<Void>()
            let isCancelled = Promise<Void>()
            let task = Task {
                try await lock.withLock { _ in
                    isInside.fulfil(())
                    await isCancelled.wait(isShielded: true)
                }
            }
            await isInside.wait()
            task.cancel()
            isCancelled.fulfil(())
            try await task.value
            let left = try await client.childNames(of: "/a")
            #expect(left == [], "gone when withLock returns")
        }
    }

    @Test func aTimeOutHoldsWithoutAServerToo() async throws {
        var configuration: ZooKeeperConfiguration = "127.0.0.1:1"
        configuration.connectTimeout = .seconds(3_600)
        try await ZooKeeperClient.withClient(configuration) { client in
            do {
                try await ZooKeeperLock(client, at: "/a").withLock(waitingUpTo: .milliseconds(50)) { _ in }
                Issue.record("had the lock")
            } catch LockError.Code.timedOut {}
        }
    }
}
