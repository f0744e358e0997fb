// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// The end of a lease by its deadline. (By loss: `LockLossTests`, `LossPolicyTests`; by release: `LockTests`.)
@Suite(.timeLimit(.minutes(3))) struct LeaseTests {
    private let zooKeeper = InMemoryZooKeeper()

    /// The deadline passes, and a check says so; then an answer that was late moves the deadline on. The lock stays
    /// lost.
    @Test func aLateAnswerDoesNotReviveALease() async throws {
        try await zooKeeper.withTwoClients { first, _ in
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            let session = held.lease.session
            let inTime = session.leaseDeadline.load(ordering: .relaxed)
            session.leaseDeadline.store(Moment.now.nanoseconds - 1, ordering: .relaxed)
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
        try await zooKeeper.withTwoClients { first, _ in
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            #expect { try held.lease.checkHeld(for: .seconds(3_600)) } throws: { LockError.Code.lost ~= $0 }
            try held.lease.checkHeld()
            try await held.release()
        }
    }
}
