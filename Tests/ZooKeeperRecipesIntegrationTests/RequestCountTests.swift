// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// The requests of each step, as the server sees them. Curator needs 2 round trips to acquire, 7 on a fresh path, 1 at
/// each hand-over, and 4 requests, 2 of them writes, for an attempt that fails.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct RequestCountTests {
    /// A client behind a relay, with a session so long that no heartbeat disturbs the count.
    private func withClient(
        _ body: (ZooKeeperClient, ZooKeeperRelay) async throws -> Void
    ) async throws {
        try await ZooKeeperServer.required.withRelayedClient(body)
    }

    /// Counts what a short hold costs. On a busy machine one may last for 200 ms, after which a holder reads its own
    /// node; then it is done again.
    ///
    /// - Parameters:
    ///   - pipelines: The numbers of requests that are to be under way together.
    ///   - lock: Makes the lock, a new one for each attempt.
    private func countShortHold(
        _ relay: ZooKeeperRelay, pipelines: [Int], _ lock: (_ attempt: Int) throws -> ZooKeeperLock
    ) async throws -> (acquiring: Traffic, releasing: Traffic) {
        var attempt = 0
        while true {
            attempt += 1
            let lock = try lock(attempt)
            let before = relay.traffic
            relay.expectPipelines(pipelines)
            let acquired = try await lock.withLock { _ in relay.traffic }
            let after = relay.traffic
            if (after - before).requests[.getData] == nil { return (acquired - before, after - acquired) }
        }
    }

    @Test func acquireIsOneRoundTripAndReleaseAnother() async throws {
        try await withClient { client, relay in
            let lock = ZooKeeperLock(client, at: "/a")
            try await lock.withLock { _ in }
            let (acquiring, releasing) = try await countShortHold(relay, pipelines: [2, 1]) { _ in lock }
            #expect(acquiring.requests == [.create2: 1, .getChildren2: 1])
            #expect(acquiring.roundTrips == 1)
            #expect(releasing.requests == [.delete: 1])
            #expect(releasing.roundTrips == 1)
        }
    }

    /// The removal is on its way before anything that is asked for after the release.
    @Test func aReleaseInTheBackgroundDoesNotBlockTheNextAcquire() async throws {
        try await withClient { client, relay in
            var configuration = ZooKeeperLock.Configuration()
            configuration.release = .background
            let lock = ZooKeeperLock(client, at: "/a", configuration: configuration)
            try await lock.withLock { _ in }
            try await eventually("removed") { relay.traffic.requests[.delete] == 1 }
            let before = relay.traffic
            for _ in 0..<50 { try await lock.withLock { _ in } }
            try await eventually("all removed") { (relay.traffic - before).requests[.delete] == 50 }
            var requests = (relay.traffic - before).requests
            // A hold that a busy machine makes longer than 200 ms reads its own node.
            requests[.getData] = nil
            #expect(requests == [.create2: 50, .getChildren2: 50, .delete: 50])
        }
    }

    @Test func aFreshPathIsTwoRoundTrips() async throws {
        try await withClient { client, relay in
            let (acquiring, _) = try await countShortHold(relay, pipelines: [2, 5]) { attempt in
                ZooKeeperLock(client, at: try ZNodePath("/x-\(attempt)/y/z"))
            }
            #expect(acquiring.roundTrips == 2)
            #expect(acquiring.requests == [.createContainer: 3, .create2: 2, .getChildren2: 2])
        }
    }

    @Test func theNextParticipantNeedsNoRequestToBeGranted() async throws {
        try await withClient { client, relay in
            let server = try ZooKeeperServer.required
            try await server.withClient(in: client.configuration.chroot) { other in
                // The holder is not behind the relay: all that goes over it is the waiter's.
                let held = try await ZooKeeperLock(other, at: "/a").acquire()
                let before = relay.traffic
                relay.expectPipelines([2, 2])
                let granted = Shared<Traffic?>(nil)
                let waiter = Task {
                    try await ZooKeeperLock(client, at: "/a").withLock { _ in
                        granted.withLock { $0 = relay.traffic }
                    }
                }
                try await eventually("waiting") { (relay.traffic - before).replies == 4 }
                let waiting = relay.traffic
                #expect((waiting - before).requests == [.create2: 1, .getChildren2: 1, .getData: 2])
                #expect((waiting - before).roundTrips == 2)
                try await held.release()
                try await waiter.value
                let handOff = try #require(granted.value) - waiting
                #expect(handOff.requests == [:])
                #expect(handOff.watchEvents == 1)
                #expect((relay.traffic - waiting).requests == [.delete: 1])
            }
        }
    }

    /// Behind several the list is not on the critical path: it is made when the second nearest goes.
    @Test func behindSeveralTheNextInLineNeedsNoRequestToBeGranted() async throws {
        try await withClient { client, relay in
            let server = try ZooKeeperServer.required
            try await server.withClient(in: client.configuration.chroot) { other in
                let first = try await ZooKeeperLock(other, at: "/a").acquire()
                let second = Task { try await ZooKeeperLock(other, at: "/a").acquire() }
                try await eventually("two enqueued") { try await other.children(of: "/a").names.count == 2 }
                let before = relay.traffic
                relay.expectPipelines([2, 2])
                let granted = Shared<Traffic?>(nil)
                let position = QueuePosition()
                let waiter = Task {
                    try await ZooKeeperLock(client, at: "/a").withLock(position: position) { _ in
                        granted.withLock { $0 = relay.traffic }
                    }
                }
                try await eventually("waiting") { (relay.traffic - before).replies == 4 }
                let waiting = relay.traffic
                #expect((waiting - before).requests == [.create2: 1, .getChildren2: 1, .getData: 2])
                #expect((waiting - before).roundTrips == 2)
                #expect(position.current?.ahead == 2)
                relay.expectPipelines([2])
                try await first.release()
                let held = try await second.value
                try await eventually("has listed") { (relay.traffic - waiting).replies == 2 }
                let next = relay.traffic
                #expect((next - waiting).requests == [.getChildren2: 1, .getData: 1])
                #expect((next - waiting).roundTrips == 1)
                try await eventually("next in line") { position.current?.ahead == 1 }
                try await held.release()
                try await waiter.value
                let handOff = try #require(granted.value) - next
                #expect(handOff.requests == [:])
                #expect(handOff.watchEvents == 1)
                #expect((relay.traffic - before).requestCount == 7)
            }
        }
    }

    @Test func ifTheNearestGoesFirstItIsOneListAndTheNextWatch() async throws {
        try await withClient { client, relay in
            let server = try ZooKeeperServer.required
            try await server.withClient(in: client.configuration.chroot) { other in
                let held = try await ZooKeeperLock(other, at: "/a").acquire()
                let nearest = Task { try await ZooKeeperLock(other, at: "/a").withLock { _ in } }
                try await eventually("two enqueued") { try await other.children(of: "/a").names.count == 2 }
                let before = relay.traffic
                let waiter = Task { try await ZooKeeperLock(client, at: "/a").withLock { _ in } }
                try await eventually("waiting") { (relay.traffic - before).replies == 4 }
                let waiting = relay.traffic
                nearest.cancel()
                _ = await nearest.result
                try await eventually("next in line") { (relay.traffic - waiting).replies == 3 }
                try await held.release()
                try await waiter.value
                #expect((relay.traffic - waiting).requests == [.getChildren2: 1, .getData: 2, .delete: 1])
            }
        }
    }

    @Test func afterAReconnectItLooksAgainBehindASync() async throws {
        try await withClient { client, relay in
            let server = try ZooKeeperServer.required
            try await server.withClient(in: client.configuration.chroot) { other in
                let held = try await ZooKeeperLock(other, at: "/a").acquire()
                let before = relay.traffic
                let waiter = Task { try await ZooKeeperLock(client, at: "/a").withLock { _ in } }
                try await eventually("waiting") { (relay.traffic - before).replies == 4 }
                let session = try await client.withSession { $0 }
                relay.cut()
                try await eventually("reconnected") { session.connection == 2 && session.isConnected }
                // The first request on a connection is a heartbeat, to the leader because of the waiter.
                // Then one of its watches is taken off and set again, to see whether the server has them.
                try await eventually("heartbeat and check") {
                    let requests = (relay.traffic - before).requests
                    return requests[.sync] == 1 && requests[.removeWatches] == 1 && requests[.exists] == 1
                }
                let reconnected = relay.traffic
                try await held.release()
                try await waiter.value
                #expect((relay.traffic - reconnected).requests == [.sync: 1, .getChildren2: 1, .delete: 1])
            }
        }
    }

    @Test func aFailedAttemptIsOneRead() async throws {
        try await withClient { client, relay in
            let server = try ZooKeeperServer.required
            try await server.withClient(in: client.configuration.chroot) { other in
                let held = try await ZooKeeperLock(other, at: "/a").acquire()
                let before = relay.traffic
                let result = try await ZooKeeperLock(client, at: "/a").withLockIfAvailable { _ in 1 }
                #expect(result == nil)
                let traffic = relay.traffic - before
                #expect(traffic.requests == [.getChildren2: 1])
                #expect(traffic.writeCount == 0)
                try await held.release()
            }
        }
    }

    @Test func aShortHoldCostsNoWatchAndALongOneOneRead() async throws {
        try await withClient { client, relay in
            let lock = ZooKeeperLock(client, at: "/a")
            try await lock.withLock { _ in }
            let before = relay.traffic
            try await lock.withLock { _ in
                try await eventually("its own node is watched") { (relay.traffic - before).requests[.getData] == 1 }
            }
            let traffic = relay.traffic - before
            #expect(traffic.requests == [.create2: 1, .getChildren2: 1, .getData: 1, .delete: 1])
            #expect(traffic.watchEvents == 1, "the removal of the node takes the watch along")
        }
    }

    @Test func verifyingIsOneRequest() async throws {
        try await withClient { client, relay in
            try await ZooKeeperLock(client, at: "/a").withLock { lease in
                let before = relay.traffic
                try await lease.verify()
                #expect((relay.traffic - before).requests == [.multi: 1])
                let verified = relay.traffic
                for _ in 0..<200 { try lease.checkHeld() }
                #expect(relay.traffic == verified, "checking sends no request")
            }
        }
    }

    /// One hand-over costs the same few requests for any length of the queue, and wakes one waiter.
    @Test func manyWaitersCostNoMoreEachThanOne() async throws {
        try await withClient { client, relay in
            let lock = ZooKeeperLock(client, at: "/a")
            let held = try await lock.acquire()
            let before = relay.traffic
            let waiters = (0..<200).map { _ in Task { try await lock.withLock { _ in } } }
            // Each watches the two nodes before it, the first waiter one and its own; the holder its own.
            try await eventually("all enqueued") { relay.traffic.requests[.getData, default: 0] >= 401 }
            try await held.release()
            for waiter in waiters { try await waiter.value }
            let cost = relay.traffic - before
            // Create, list, two watches; when the second nearest has gone one list and a read of the own node; delete.
            #expect(cost.requests[.create2] == 200)
            #expect(cost.requestCount <= 7 * 200 + 10)
            #expect(cost.watchEvents <= 2 * 200 + 10)
        }
    }

    /// Readers behind writers are woken twice, by the two nearest.
    @Test func manyReadersBehindWritersAreWokenTwiceEach() async throws {
        try await withClient { client, relay in
            let server = try ZooKeeperServer.required
            try await server.withClient(in: client.configuration.chroot) { other in
                let lock = ZooKeeperReadWriteLock(client, at: "/a")
                let theirs = ZooKeeperReadWriteLock(other, at: "/a")
                let first = try await theirs.acquireWriteLock()
                let writers = (0..<3).map { _ in Task { try await theirs.withWriteLock { _ in } } }
                try await eventually("writers enqueued") { try await theirs.participants().count == 4 }
                let before = relay.traffic
                let readers = (0..<200).map { _ in Task { try await lock.withReadLock { _ in } } }
                try await eventually("all enqueued") { relay.traffic.requests[.getData, default: 0] >= 400 }
                try await first.release()
                for writer in writers { try await writer.value }
                for reader in readers { try await reader.value }
                let cost = relay.traffic - before
                #expect(cost.requestCount <= 7 * 200 + 10)
                // The ends of the two nearest writers, told once for all, and perhaps the own node's.
                #expect(cost.watchEvents <= 200 + 10)
            }
        }
    }
}
