// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Locks that are taken only if they are free, and that are held for so long at most.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct HoldLimitTests {
    @Test(arguments: ServerKind.allCases) func aFreeOneIsTakenByHand(_ kind: ServerKind) async throws {
        try await kind.withClients { clients in
            let (lock, other) = (ZooKeeperLock(clients[0], at: "/a"), ZooKeeperLock(clients[1], at: "/a"))
            let held = try #require(try await lock.acquireIfAvailable())
            #expect(try await other.acquireIfAvailable() == nil)
            #expect(try await clients[1].children(of: "/a").names.count == 1, "no trace")
            try await held.release()
            try await #require(try await other.acquireIfAvailable(waitingUpTo: .seconds(30))).release()

            let (first, second) = (
                ZooKeeperReadWriteLock(clients[0], at: "/rw"), ZooKeeperReadWriteLock(clients[1], at: "/rw")
            )
            let reader = try #require(try await first.acquireReadLockIfAvailable())
            try await #require(try await second.acquireReadLockIfAvailable()).release()
            #expect(try await second.acquireWriteLockIfAvailable() == nil)
            try await reader.release()
            let writer = try #require(try await second.acquireWriteLockIfAvailable())
            #expect(try await first.acquireReadLockIfAvailable() == nil)
            // And goes on as a reader.
            let asReader = try await writer.downgrade()
            #expect(asReader.lease.fencingToken == writer.lease.fencingToken)
            #expect(throws: LockError.self) { try writer.lease.checkHeld() }
            try await #require(try await first.acquireReadLockIfAvailable()).release()
            #expect(try await first.acquireWriteLockIfAvailable() == nil)
            await #expect(throws: LockError.self) { try await asReader.downgrade() }
            try asReader.lease.checkHeld()
            try await asReader.release()
            try await writer.release()
            try await #require(try await first.acquireWriteLockIfAvailable()).release()

            let (candidate, rival) = (
                ZooKeeperElection(clients[0], at: "/e"), ZooKeeperElection(clients[1], at: "/e")
            )
            let leading = try #require(try await candidate.acquireLeadershipIfAvailable())
            #expect(try await rival.acquireLeadershipIfAvailable() == nil)
            #expect(try await rival.withLeadershipIfAvailable { _ in 1 } == nil)
            try await leading.release()
            #expect(try await rival.withLeadershipIfAvailable { _ in 1 } == 1)
        }
    }

    @Test func anAttemptHasALimit() async throws {
        try await ZooKeeperServer.required.withRelayedClient { client, relay in
            let lock = ZooKeeperLock(client, at: "/a")
            relay.freezeReplies()
            let limit = Duration.milliseconds(50)
            let error = await #expect(throws: LockError.self) {
                try await lock.withLockIfAvailable(waitingUpTo: limit) { _ in }
            }
            #expect(error?.code == .timedOut)
            // It is not taken: nobody has answered.
            #expect(error?.underlying?.code == .timedOut)
            #expect(error?.description.contains("127.0.0.1:\(relay.port)) has not answered") == true)
            await relay.whileRefusing {
                let error = await #expect(throws: LockError.self) { try await lock.acquire(waitingUpTo: limit) }
                #expect(error?.code == .timedOut)
                #expect(error?.description.contains("there is no connection") == true)
            }
            await #expect { try await lock.acquireIfAvailable(waitingUpTo: limit) } throws: {
                LockError.Code.timedOut ~= $0
            }
            await #expect { try await lock.acquireIfAvailable(waitingUpTo: .zero) } throws: {
                LockError.Code.timedOut ~= $0
            }
            relay.thaw()
            try await eventually("nothing is left") { try await client.childNames(of: "/a").isEmpty }
        }
    }

    /// Without a limit it ends with its connection; with one, that is what its caller waits for.
    @Test(arguments: [true, false]) func anAttemptWithALimitGoesOnOverTheNextConnection(
        expires: Bool
    ) async throws {
        let server = try ZooKeeperServer.required
        try await server.withRelayedClient { client, relay in
            let lock = ZooKeeperLock(client, at: "/a")
            try await lock.withLock { _ in }
            for limit in [Duration.seconds(60), nil] {
                let session = try await client.withSession { $0 }
                relay.freezeReplies()
                let before = relay.traffic
                let attempt = Task { try await lock.acquireIfAvailable(waitingUpTo: limit) }
                try await eventually("the attempt is under way") {
                    (relay.traffic - before).requests[.getChildren2] == 1
                }
                if expires { try await server.expire(session) }
                relay.cut()
                relay.thaw()
                if limit == nil {
                    await #expect { try await attempt.value } throws: { LockError.Code.unavailable ~= $0 }
                } else {
                    let held = try #require(try await attempt.value)
                    #expect((held.lease.session !== session) == expires)
                    try await held.release()
                }
            }
        }
    }

    /// The limit is that of the hold, by the writer and by the reader that it becomes.
    @Test func aWriterThatGoesOnAsAReaderHasOneLimit() async throws {
        try await ServerKind.real.withClients(1) { clients in
            let lock = ZooKeeperReadWriteLock(clients[0], at: "/rw")
            var hasRead = false
            let writing = await #expect(throws: LockError.self) {
                try await lock.withWriteLock(holdingAtMost: .milliseconds(50)) { _ in
                    await untilCancelled()
                    throw CancellationError()
                } thenReading: { _, _ in
                    hasRead = true
                }
            }
            #expect(writing?.code == .heldTooLong)
            #expect(!hasRead)
            let reading = await #expect(throws: LockError.self) {
                try await lock.withWriteLock(holdingAtMost: .milliseconds(50)) { _ in
                    // Too late, but done.
                    await untilCancelled()
                } thenReading: { _, _ in
                    await untilCancelled()
                    throw CancellationError()
                }
            }
            #expect(reading?.code == .heldTooLong)
            let inTime = try await lock.withWriteLock(holdingAtMost: .seconds(60)) { _ in
                7
            } thenReading: {
                $1
            }
            #expect(inTime == 7)
            #expect(try await clients[0].childNames(of: "/rw").isEmpty)
        }
    }

    @Test(arguments: ServerKind.allCases) func aBodyThatHoldsForTooLongIsCancelled(_ kind: ServerKind) async throws {
        try await kind.withClients { clients in
            let lock = ZooKeeperLock(clients[0], at: "/a")
            let released = Promise<Void>()
            let isHeldAtTheEnd = Shared(false)
            let error = await #expect(throws: LockError.self) {
                try await lock.withLock(holdingAtMost: .milliseconds(50)) { lease in
                    await untilCancelled()
                    // It is released when the body has ended, not before.
                    isHeldAtTheEnd.withLock { $0 = (try? lease.checkHeld()) != nil }
                    throw CancellationError()
                }
            }
            released.fulfil(())
            #expect(error?.code == .heldTooLong)
            #expect(error?.bodyError is CancellationError)
            #expect(isHeldAtTheEnd.value)
            #expect(try await clients[1].childNames(of: "/a").isEmpty)
            // A result counts, also of a body that was late.
            let late = try await lock.withLock(holdingAtMost: .milliseconds(50)) { _ in
                await untilCancelled()
                return 7
            }
            #expect(late == 7)
            let early = try await lock.withLock(holdingAtMost: .seconds(3_600)) { _ in 8 }
            #expect(early == 8)
            struct Failure: Error {}
            await #expect(throws: Failure.self) {
                try await lock.withLock(holdingAtMost: .seconds(3_600)) { _ in throw Failure() }
            }
        }
    }

    @Test func termsHaveLimits() async throws {
        try await ServerKind.real.withClients { clients in
            let election = ZooKeeperElection(clients[0], at: "/e")
            let rival = try await ZooKeeperElection(clients[1], at: "/e").acquireLeadership()
            await #expect { try await election.withTerms(waitingUpTo: .milliseconds(50)) { _ in .resign } } throws: {
                LockError.Code.timedOut ~= $0
            }
            try await rival.release()
            let error = await #expect(throws: LockError.self) {
                try await election.withTerms(holdingAtMost: .milliseconds(50)) { _ in
                    await untilCancelled()
                    throw CancellationError()
                }
            }
            #expect(error?.code == .heldTooLong)
            let count = Shared(0)
            try await election.withTerms(waitingUpTo: .seconds(60), holdingAtMost: .seconds(60)) { _ in
                count.withLock { $0 += 1 }
                return count.value < 3 ? .requeue : .resign
            }
            #expect(count.value == 3)
        }
    }

    private func untilCancelled() async {
        let cancelled = Promise<Void>()
        await cancelled.wait()
    }

    // MARK: The protocol of a job queue

    /// As `swift-jobs` wants it of a store: taken or not, at once, and released by the same key.
    private protocol LockStore {
        func acquireLock(key: String) async throws -> Bool
        func releaseLock(key: String) async throws
    }

    /// On the public interface only.
    private actor ZooKeeperLockStore: LockStore {
        private let client: ZooKeeperClient
        private var held: [String: HeldLock] = [:]

        init(_ client: ZooKeeperClient) { self.client = client }

        func acquireLock(key: String) async throws -> Bool {
            if held[key] != nil { return false }
            let path = try ZNodePath("/jobs").appending(key)
            guard let lock = try await ZooKeeperLock(client, at: path).acquireIfAvailable() else { return false }
            if held[key] != nil {
                try await lock.release()
                return false
            }
            held[key] = lock
            return true
        }

        func releaseLock(key: String) async throws { try await held.removeValue(forKey: key)?.release() }
    }

    @Test func aJobQueueLocksByKey() async throws {
        try await ServerKind.real.withClients { clients in
            let stores = clients.map { ZooKeeperLockStore($0) }
            #expect(try await stores[0].acquireLock(key: "a"))
            #expect(try await !stores[0].acquireLock(key: "a"))
            #expect(try await !stores[1].acquireLock(key: "a"))
            #expect(try await stores[1].acquireLock(key: "b"))
            try await stores[1].releaseLock(key: "a")
            #expect(try await !stores[1].acquireLock(key: "a"), "not its own")
            try await stores[0].releaseLock(key: "a")
            #expect(try await stores[1].acquireLock(key: "a"))
            for key in ["a", "b"] { try await stores[1].releaseLock(key: key) }
        }
    }
}
