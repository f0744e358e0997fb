import Synchronization
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Locks, unchanged, on a server in memory.
@Suite(.timeLimit(.minutes(3))) struct InMemoryLockTests {
    private let zooKeeper = InMemoryZooKeeper()

    private func withTwoClients(_ body: (ZooKeeperClient, ZooKeeperClient) async throws -> Void) async throws {
        var configuration = zooKeeper.configuration
        // So that nothing but the trouble itself ends a lock.
        configuration.sessionTimeout = .seconds(60)
        try await zooKeeper.withClient(configuration) { first in
            try await zooKeeper.withClient(configuration) { second in try await body(first, second) }
        }
    }

    private func names(_ client: ZooKeeperClient) async throws -> [String] {
        do { return try await client.children(of: "/a").names } catch ZooKeeperError.Code.noNode { return [] }
    }

    private func line(_ client: ZooKeeperClient, has count: Int) async throws {
        try await eventually("\(count) in line") { try await names(client).count == count }
    }

    /// The deadline passes, somebody looks and is told; then an answer that was late moves the deadline on. What is lost
    /// stays lost.
    @Test func aLateAnswerDoesNotReviveALease() async throws {
        try await withTwoClients { first, _ in
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            let session = held.lease.session
            let inTime = session.leaseDeadline.load(ordering: .relaxed)
            session.leaseDeadline.store(ContinuousClock.now.nanosecondsSinceOrigin - 1, ordering: .relaxed)
            // Asking for more than is left is no loss, but there is nothing left.
            #expect { try held.lease.checkHeld(for: .seconds(1)) } throws: {
                ($0 as? LockError)?.loss == .deadlinePassed
            }
            session.leaseDeadline.store(inTime, ordering: .relaxed)
            #expect { try held.lease.checkHeld() } throws: { ($0 as? LockError)?.loss == .deadlinePassed }
            await #expect(throws: LockError.self) { try await held.lease.transaction([]) }
            #expect(await held.loss() == .deadlinePassed)
            #expect(try await held.release() == .deadlinePassed)
        }
    }

    @Test func lessTimeThanWasAskedForIsNoLoss() async throws {
        try await withTwoClients { first, _ in
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            #expect { try held.lease.checkHeld(for: .seconds(3_600)) } throws: { LockError.Code.lost ~= $0 }
            try held.lease.checkHeld()
            try await held.release()
        }
    }

    @Test func contendersAreServedInTheOrderInWhichTheyCame() async throws {
        try await withTwoClients { first, second in
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            let node = try await second.get(held.lease.nodePath)
            #expect(held.lease.fencingToken == FencingToken(czxid: node.stat.czxid))
            let order = Shared<[Int]>([])
            var tasks: [Task<Void, any Error>] = []
            for index in 0..<10 {
                let lock = ZooKeeperLock(index % 2 == 0 ? first : second, at: "/a")
                tasks.append(Task { try await lock.withLock { _ in order.withLock { $0.append(index) } } })
                try await line(first, has: index + 2)
            }
            try await held.release()
            for task in tasks { try await task.value }
            #expect(order.value == Array(0..<10))
            try await line(first, has: 0)
        }
    }

    @Test func neverTwoAtOnceWhileConnectionsAreCut() async throws {
        try await withTwoClients { first, second in
            let inside = Shared((now: 0, most: 0, total: 0))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<8 {
                    let lock = ZooKeeperLock(index % 2 == 0 ? first : second, at: "/a")
                    group.addTask {
                        for round in 0..<20 {
                            try await lock.withLock { _ in
                                inside.withLock {
                                    $0.now += 1
                                    $0.most = max($0.most, $0.now)
                                    $0.total += 1
                                }
                                await Task.yield()
                                inside.withLock { $0.now -= 1 }
                            }
                            if round % 5 == index % 5 { zooKeeper.cut() }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(inside.value == (now: 0, most: 1, total: 160))
            try await line(first, has: 0)
        }
    }

    @Test(arguments: [OperationCode.create2, .getChildren2, .delete])
    func aLostAnswerLeavesNoNode(_ operation: OperationCode) async throws {
        try await withTwoClients { first, second in
            try await ZooKeeperLock(first, at: "/a").withLock { _ in }
            zooKeeper.loseNextReply(to: operation)
            let result = try await ZooKeeperLock(second, at: "/a").withLock { lease in
                try lease.checkHeld()
                return 42
            }
            #expect(result == 42)
            try await line(first, has: 0)
        }
    }

    @Test func anExpiredSessionLosesTheLockToTheNext() async throws {
        try await withTwoClients { first, second in
            let next = Shared<Task<FencingToken, any Error>?>(nil)
            do {
                try await ZooKeeperLock(first, at: "/a").withLock { lease in
                    let waiter = Task { try await ZooKeeperLock(second, at: "/a").withLock { $0.fencingToken } }
                    next.withLock { $0 = waiter }
                    try await line(second, has: 2)
                    try zooKeeper.expire(lease.session)
                    await #expect(throws: CancellationError.self) { try await Task.sleep(for: .seconds(3_600)) }
                    #expect { try lease.checkHeld() } throws: { LockError.Code.lost ~= $0 }
                    let later = try await waiter.value
                    #expect(later > lease.fencingToken)
                }
                Issue.record("not lost")
            } catch LockError.Code.lost {}
            _ = try await next.value?.value
            try await line(first, has: 0)
        }
    }

    @Test func readersShareAndAnExpiredLeaderIsFollowed() async throws {
        try await withTwoClients { first, second in
            let reader = try await ZooKeeperReadWriteLock(first, at: "/a").acquireReadLock()
            let lock = ZooKeeperReadWriteLock(second, at: "/a")
            let alone = try await lock.withWriteLockIfAvailable { _ in true }
            let together = try await lock.withReadLockIfAvailable { _ in true }
            #expect(alone == nil)
            #expect(together == true)
            try await reader.release()

            let next = ZooKeeperElection(second, at: "/e", configuration: .init(id: "next"))
            let isFollowed = Shared(false)
            // Its own leadership is lost, with an error or without.
            try? await ZooKeeperElection(first, at: "/e", configuration: .init(id: "first")).withLeadership { _ in
                #expect(try await next.leader()?.id == "first")
                let follower = Task { try await next.withLeadership { _ in try await next.leader()?.id } }
                try await eventually("two stand") { try await next.participants().count == 2 }
                try zooKeeper.expire(try await first.withSession { $0 })
                #expect(try await follower.value == "next")
                isFollowed.withLock { $0 = true }
            }
            #expect(isFollowed.value)
        }
    }

    @Test func aWaiterCanTimeOutOrBeCancelled() async throws {
        try await withTwoClients { first, second in
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            do {
                try await ZooKeeperLock(second, at: "/a").withLock(waitingUpTo: .milliseconds(20)) { _ in }
                Issue.record("had the lock")
            } catch LockError.Code.timedOut {}
            let waiter = Task { try await ZooKeeperLock(second, at: "/a").withLock { _ in } }
            try await line(first, has: 2)
            waiter.cancel()
            await #expect(throws: CancellationError.self) { try await waiter.value }
            try await line(first, has: 1)
            #expect(try await held.release() == nil)
        }
    }
}
