// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Servers that are too busy for a request, which they have not executed: it is made again.
@Suite(.timeLimit(.minutes(3))) struct ThrottlingTests {
    /// A request of the recipes.
    enum Kind: CaseIterable {
        case create, list, read, delete, transaction, sync, exists

        func matches(_ request: ServerRequest) -> Bool {
            switch (self, request.action) {
            case (.create, .create), (.list, .getChildren), (.read, .getData), (.delete, .delete),
                (.transaction, .transaction), (.sync, .sync), (.exists, .exists):
                true
            default: false
            }
        }
    }

    private let zooKeeper = InMemoryZooKeeper()

    /// Runs `body` with a client whose requests of one kind are throttled, each of the first `count`, and another
    /// client.
    private func withClients(
        throttling kind: Kind, times count: Int,
        _ body: (ZooKeeperClient, _ beside: ZooKeeperClient, _ isArmed: Shared<Bool>) async throws -> Void
    ) async throws {
        let (isArmed, left) = (Shared(true), Shared(count))
        let client = try zooKeeper.makeClient(configure: { $0.sessionTimeout = .seconds(30) }) { pending in
            guard isArmed.value, kind.matches(pending.request) else { return nil }
            return left.withLock { left in
                left -= 1
                return left >= 0 ? .throttled : nil
            }
        }
        try await client.run { client in
            try await zooKeeper.withClient { beside in try await body(client, beside, isArmed) }
        }
    }

    /// Waits behind another, is granted, releases: nothing is left.
    @Test(arguments: Kind.allCases, [1, 3]) func aWaiterGetsItsTurn(_ kind: Kind, _ count: Int) async throws {
        try await withClients(throttling: kind, times: count) { client, beside, _ in
            let held = try await ZooKeeperLock(beside, at: "/a").acquire()
            let waiting = Task {
                try await ZooKeeperLock(client, at: "/a").withLock(waitingUpTo: .seconds(60)) { _ in 5 }
            }
            try await eventually("enqueued") { try await ZooKeeperLock(beside, at: "/a").participants().count == 2 }
            try await held.release()
            #expect(try await waiting.value == 5)
            #expect(try await beside.children(of: "/a").names == [])
        }
    }

    @Test(arguments: Kind.allCases) func aFreeLockIsHad(_ kind: Kind) async throws {
        try await withClients(throttling: kind, times: 2) { client, beside, _ in
            try await ZooKeeperLock(client, at: "/a/b/c").withLock { _ in }
            #expect(try await ZooKeeperLock(client, at: "/a/b/c").withLockIfAvailable { _ in 1 } == 1)
            #expect(try await beside.children(of: "/a/b/c").names == [])
        }
    }

    /// A holder whose watch was throttled notices the removal of its node all the same.
    @Test func aHolderKeepsItsWatch() async throws {
        try await withClients(throttling: .read, times: 2) { client, beside, _ in
            let held = try await ZooKeeperLock(client, at: "/a").acquire()
            try await eventually("it is watched") { zooKeeper.watchCount > 0 }
            try await beside.delete(held.lease.nodePath)
            #expect(await held.loss() == .nodeDeleted)
        }
    }

    @Test func aWriterGoesOnAsAReader() async throws {
        try await withClients(throttling: .transaction, times: 2) { client, beside, _ in
            let lock = ZooKeeperReadWriteLock(client, at: "/a")
            let kinds = try await lock.withWriteLock { _ in
            } thenReading: { _, _ in
                try await ZooKeeperReadWriteLock(beside, at: "/a").participants().map(\.kind)
            }
            #expect(kinds == [.shared])
        }
    }

    @Test func aLeaderIsRequeued() async throws {
        try await withClients(throttling: .transaction, times: 2) { client, beside, _ in
            var terms = 0
            try await ZooKeeperElection(client, at: "/e").withTerms { _ in
                terms += 1
                return terms < 3 ? .requeue : .resign
            }
            #expect(terms == 3)
            #expect(try await beside.children(of: "/e").names == [])
        }
    }

    /// A leader that is cancelled while the exchange of its old node for a new one is throttled leaves neither.
    @Test func aLeaderThatLeavesDuringItsRequeueLeavesNothing() async throws {
        let isThrottled = Promise<Void>()
        let client = try zooKeeper.makeClient(configure: { $0.sessionTimeout = .seconds(30) }) { pending in
            guard Kind.transaction.matches(pending.request) else { return nil }
            isThrottled.fulfil(())
            return .throttled
        }
        try await client.run { client in
            try await zooKeeper.withClient { beside in
                let leading = Task { try await ZooKeeperElection(client, at: "/e").withTerms { _ in .requeue } }
                await isThrottled.wait()
                leading.cancel()
                _ = await leading.result
                try await eventually("nothing is left") { try await beside.children(of: "/e").names.isEmpty }
            }
        }
    }

    /// Streams go on.
    @Test(arguments: [Kind.read, .list, .exists]) func streamsGoOn(_ kind: Kind) async throws {
        try await withClients(throttling: kind, times: 4) { client, beside, isArmed in
            isArmed.withLock { $0 = false }
            let held = try await ZooKeeperElection(beside, at: "/e").acquireLeadership()
            var leaders = ZooKeeperElection(client, at: "/e").leaders.makeAsyncIterator()
            var candidates = ZooKeeperElection(client, at: "/e").participantUpdates.makeAsyncIterator()
            var data = client.updates(of: held.lease.nodePath).makeAsyncIterator()
            #expect(try await leaders.next()??.path == held.lease.nodePath)
            #expect(try await candidates.next()?.count == 1)
            #expect(try await data.next() != nil)
            isArmed.withLock { $0 = true }
            try await held.release()
            #expect(try await leaders.next() == .some(nil))
            #expect(try await candidates.next() == [])
            #expect(try await data.next() == .some(nil))
        }
    }
}
