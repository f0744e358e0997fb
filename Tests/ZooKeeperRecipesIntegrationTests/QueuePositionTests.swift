// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// The position of a contender in the queue, and the other participants.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct QueuePositionTests {
    private func withLock(_ body: (ZooKeeperClient, ZooKeeperLock) async throws -> Void) async throws {
        try await ZooKeeperServer.required.withClient { client in
            try await body(client, ZooKeeperLock(client, at: "/a"))
        }
    }

    @Test func aSingleContenderHasNoneAhead() async throws {
        try await withLock { _, lock in
            let position = QueuePosition()
            let node = try await lock.withLock(position: position) { $0.nodePath }
            #expect(await position.enqueued() == .init(node: node, ahead: 0))
            var positions = position.positions.makeAsyncIterator()
            #expect(await positions.next() == .some(.init(node: node, ahead: 0)))
            #expect(await positions.next() == nil)
        }
    }

    @Test func waitersSeeHowManyAreInTheirWay() async throws {
        try await withLock { client, lock in
            let held = try await lock.acquire()
            let (second, third) = (QueuePosition(), QueuePosition())
            let middle = Task { try await lock.withLock(position: second) { _ in } }
            #expect(await second.enqueued()?.ahead == 1)
            let last = Task { try await lock.withLock(position: third) { _ in } }
            let enqueued = try #require(await third.enqueued())
            #expect(enqueued.ahead == 2)
            let nodes = try await lock.participants().map(\.path)
            #expect(nodes.last == enqueued.node)
            middle.cancel()
            try await eventually("moved up") { third.current?.ahead == 1 }
            try await held.release()
            try await last.value
            #expect(third.current == .init(node: enqueued.node, ahead: 0))
            var seen: [QueuePosition.Snapshot?] = []
            for await position in second.positions { seen.append(position) }
            #expect(seen.count == 1, "a late reader gets the last position")
            await #expect(throws: CancellationError.self) { try await middle.value }
        }
    }

    @Test func aContenderThatIsNeverEnqueuedIsTold() async throws {
        try await withLock { _, lock in
            let position = QueuePosition()
            await #expect { try await lock.withLock(waitingUpTo: .zero, position: position) { _ in } } throws: {
                LockError.Code.timedOut ~= $0
            }
            #expect(await position.enqueued() == nil)
            let other = QueuePosition()
            await #expect(throws: LockError.self) { try await lock.acquire(waitingUpTo: .zero, position: other) }
            #expect(await other.enqueued() == nil)
        }
    }

    @Test func aContenderThatNeedNotWaitIsToldToo() async throws {
        try await withLock { _, lock in
            try await lock.withLock { _ in
                let (again, beside) = (QueuePosition(), QueuePosition())
                try await lock.withLock(position: again) { _ in }
                #expect(await again.enqueued() == nil)
                let other = Task { try await lock.withLock(position: beside) { _ in } }
                #expect(await beside.enqueued() == nil)
                let result = await other.result
                #expect { try result.get() } throws: { LockError.Code.heldByEnclosingScope ~= $0 }
            }
        }
    }

    @Test func aNewPositionFollowsALostSession() async throws {
        try await withLock { client, lock in
            let server = try ZooKeeperServer.required
            try await server.withClient(in: client.configuration.chroot) { other in
                let held = try await ZooKeeperLock(other, at: "/a").acquire()
                let position = QueuePosition()
                let waiter = Task { try await lock.withLock(position: position) { $0.nodePath } }
                let first = try #require(await position.enqueued())
                try await server.expire(try await client.withSession { $0 })
                try await eventually("enqueued again") { position.current.map { $0.node != first.node } ?? false }
                try await held.release()
                #expect(try await waiter.value == position.current?.node)
            }
        }
    }

    /// Each change of the queue, in order, with the ids of its participants; other children are no change.
    @Test func theQueueIsFollowed() async throws {
        try await withLock { client, lock in
            var updates = lock.participantUpdates.makeAsyncIterator()
            #expect(try await updates.next() == [])
            let first = try await lock.acquire()
            #expect(try await updates.next()?.map(\.path) == [first.lease.nodePath])
            try await client.create("/a/foreign")
            let waiter = Task { try await lock.acquire() }
            let both = try #require(try await updates.next())
            #expect(both.map(\.path).first == first.lease.nodePath)
            #expect(both.count == 2 && both.allSatisfy { $0.id == ProcessIdentity.description })
            try await first.release()
            #expect(try await updates.next() == [both[1]])
            _ = try await waiter.value.release()
            #expect(try await updates.next() == [])
        }
    }
}
