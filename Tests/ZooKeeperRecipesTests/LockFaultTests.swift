// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Locks on the server in memory, with faults that a real server cannot inject at a chosen moment.
@Suite(.timeLimit(.minutes(3))) struct LockFaultTests {
    private let zooKeeper = InMemoryZooKeeper()

    @Test func neverTwoAtOnceWhileConnectionsAreCut() async throws {
        try await zooKeeper.withTwoClients { first, second in
            let holders = HolderCount()
            try await holders.contend(for: "/a", by: [first, second]) { task, round in
                if round % 5 == task % 5 { zooKeeper.cut() }
            }
            #expect(holders.value == (now: 0, most: 1, total: 160))
            try await first.waitForQueue(at: "/a", of: 0)
        }
    }

    @Test(arguments: [OperationCode.create2, .getChildren2, .delete])
    func aLostAnswerLeavesNoNode(_ operation: OperationCode) async throws {
        try await zooKeeper.withTwoClients { first, second in
            try await ZooKeeperLock(first, at: "/a").withLock { _ in }
            zooKeeper.loseNextReply(to: operation)
            let result = try await ZooKeeperLock(second, at: "/a").withLock { lease in
                try lease.checkHeld()
                return 42
            }
            #expect(result == 42)
            try await first.waitForQueue(at: "/a", of: 0)
        }
    }

    @Test func anExpiredSessionLosesTheLockToTheNext() async throws {
        try await zooKeeper.withTwoClients { first, second in
            let next = Shared<Task<FencingToken, any Error>?>(nil)
            do {
                try await ZooKeeperLock(first, at: "/a").withLock { lease in
                    let waiter = Task { try await ZooKeeperLock(second, at: "/a").withLock { $0.fencingToken } }
                    next.withLock { $0 = waiter }
                    try await second.waitForQueue(at: "/a", of: 2)
                    try zooKeeper.expire(lease.session)
                    await #expect(throws: CancellationError.self) { try await Task.sleep(for: .seconds(3_600)) }
                    #expect { try lease.checkHeld() } throws: { LockError.Code.lost ~= $0 }
                    let later = try await waiter.value
                    #expect(later > lease.fencingToken)
                }
                Issue.record("not lost")
            } catch LockError.Code.lost {}
            _ = try await next.value?.value
            try await first.waitForQueue(at: "/a", of: 0)
        }
    }

    @Test func anExpiredLeaderIsFollowed() async throws {
        try await zooKeeper.withTwoClients { first, second in
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
}
