// SPDX-License-Identifier: Apache-2.0

#if Tracing
import InMemoryTracing
import TestSupport
import Testing
import Tracing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// The spans of acquisitions: one for each, and none while a lock is held.
@Suite(.zooKeeperServer, .timeLimit(.minutes(2))) struct LockSpanTests {
    private let tracer = InMemoryTracer()

    private func withClients(
        _ kind: ServerKind = .inMemory, _ count: Int = 2, sessionTimeout: Duration = .seconds(30),
        _ body: ([ZooKeeperClient]) async throws -> Void
    ) async throws {
        try await kind.withClients(count, sessionTimeout: sessionTimeout, configure: { $0.tracer = tracer }, body)
        #expect(tracer.activeSpans.isEmpty, "every span ends")
    }

    private func lock(_ client: ZooKeeperClient) -> ZooKeeperLock {
        var configuration = ZooKeeperLock.Configuration()
        configuration.metricsName = "invoices"
        return ZooKeeperLock(client, at: "/a", configuration: configuration)
    }

    /// The spans of acquisitions that have ended, in order.
    private var acquisitions: [FinishedInMemorySpan] {
        tracer.finishedSpans.filter { $0.operationName == "zookeeper.lock.acquire" }
    }

    /// The spans of an acquisition's requests.
    private func requests(of span: FinishedInMemorySpan) -> [FinishedInMemorySpan] {
        tracer.finishedSpans.filter { $0.parentSpanID == span.spanID }
    }

    private func expectRecorded(
        _ span: FinishedInMemorySpan?, _ code: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(span?.status?.code == .error, sourceLocation: sourceLocation)
        #expect(span?.attributes.get("error.type") == .string(code), sourceLocation: sourceLocation)
        #expect(span?.attributes.get("zookeeper.lock.result") == .string(code), sourceLocation: sourceLocation)
        #expect(span?.errors.count == 1, sourceLocation: sourceLocation)
        #expect(span?.errors.first?.error is LockError, sourceLocation: sourceLocation)
    }

    @Test(arguments: ServerKind.allCases) func anAcquisitionHasOneSpan(_ kind: ServerKind) async throws {
        try await withClients(kind, 1) { clients in
            let token = try await tracer.withSpan("caller") { _ in
                try await lock(clients[0]).withLock { lease in
                    // It has ended: there is none while the lock is held.
                    #expect(acquisitions.count == 1)
                    return "\(lease.fencingToken)"
                }
            }
            let span = try #require(acquisitions.first)
            #expect(acquisitions.count == 1)
            let caller = tracer.finishedSpans.first { $0.operationName == "caller" }
            #expect(span.parentSpanID == caller?.spanID)
            #expect(span.kind == .internal)
            #expect(span.status == nil)
            #expect(span.errors.isEmpty)
            #expect(span.attributes.get("zookeeper.path") == .string("/a"))
            #expect(span.attributes.get("zookeeper.lock.name") == .string("invoices"))
            #expect(span.attributes.get("zookeeper.lock.recipe") == .string("lock"))
            #expect(span.attributes.get("zookeeper.lock.result") == .string("granted"))
            #expect(span.attributes.get("zookeeper.fencing.token") == .string(token))
            // What it sent; its release has no span.
            let names = requests(of: span).map(\.operationName)
            #expect(names.prefix(2) == ["create", "children"])
            #expect(!tracer.finishedSpans.contains { $0.operationName == "delete" })
            #expect(requests(of: span).allSatisfy { $0.kind == .client })
        }
    }

    /// Heartbeats and the looks at the own node have no spans, however long a lock is held.
    @Test func thereAreNoSpansWhileHolding() async throws {
        try await withClients(.inMemory, 1, sessionTimeout: .seconds(2)) { clients in
            let held = try await lock(clients[0]).acquire()
            let count = tracer.finishedSpans.count
            let begin = held.lease.expiresBy
            try await eventually("a heartbeat was answered") { held.lease.expiresBy > begin }
            let next = held.lease.expiresBy
            try await eventually("and another") { held.lease.expiresBy > next }
            #expect(tracer.finishedSpans.count == count)
            #expect(tracer.activeSpans.isEmpty)
            try await held.release()
        }
    }

    /// What the holder does with the lease is a request like others.
    @Test func usesOfTheLeaseHaveSpans() async throws {
        try await withClients(.inMemory, 1) { clients in
            try await lock(clients[0]).withLock { lease in
                try await tracer.withSpan("caller") { _ in try await lease.verify() }
            }
            let caller = try #require(tracer.finishedSpans.first { $0.operationName == "caller" })
            #expect(requests(of: caller).map(\.operationName) == ["transaction"])
        }
    }

    @Test(arguments: ServerKind.allCases) func whatIsNotGrantedEndsItsSpan(_ kind: ServerKind) async throws {
        try await withClients(kind) { clients in
            let held = try await lock(clients[0]).acquire()
            let other = lock(clients[1])
            let found1 = try await other.withLockIfAvailable { _ in true }
            #expect(found1 == nil)
            #expect(acquisitions.count == 2)
            // That it is taken is no error.
            #expect(acquisitions.last?.attributes.get("zookeeper.lock.result") == .string("busy"))
            #expect(acquisitions.last?.status == nil)
            #expect(acquisitions.last?.errors.isEmpty == true)

            await expectLockFailure(.timedOut) { try await other.acquire(waitingUpTo: .milliseconds(50)) }
            #expect(acquisitions.count == 3)
            expectRecorded(acquisitions.last, "timedOut")

            let waiting = Task { try await other.withLock { _ in } }
            try await clients[0].waitForQueue(at: "/a", of: 2)
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(acquisitions.count == 4)
            expectRecorded(acquisitions.last, "cancelled")
            try await held.release()
        }
    }

    @Test func anErrorIsRecorded() async throws {
        let zooKeeper = InMemoryZooKeeper()
        var configuration = zooKeeper.configuration
        configuration.tracer = tracer
        let client = try zooKeeper.makeClient(configuration)
        await client.close()
        await expectLockFailure(.unavailable) { try await lock(client).acquire() }
        expectRecorded(acquisitions.first, "unavailable")
        #expect(tracer.activeSpans.isEmpty)
    }

    /// A lost session does not end the acquisition, which joins again in the next one: nor does it end its span.
    @Test func anAcquisitionOverTwoSessionsHasOneSpan() async throws {
        let zooKeeper = InMemoryZooKeeper()
        var configuration = zooKeeper.configuration
        configuration.tracer = tracer
        try await zooKeeper.withTwoClients { holder, _ in
            let held = try await ZooKeeperLock(holder, at: "/a").acquire()
            try await zooKeeper.withClient(configuration) { client in
                let session = try await client.withSession { $0 }
                let waiting = Task { try await lock(client).acquire() }
                try await holder.waitForQueue(at: "/a", of: 2)
                try zooKeeper.expire(session)
                try await eventually("it joins again") {
                    let names = try await holder.childNames(of: "/a")
                    return names.count == 2 && client.currentSession != nil && client.currentSession !== session
                }
                #expect(acquisitions.isEmpty)
                try await held.release()
                try await waiting.value.release()
                #expect(acquisitions.count == 1)
                let span = try #require(acquisitions.first)
                #expect(span.status == nil)
                // Once in each session; and those that the end of the first has failed, if there were any.
                #expect(requests(of: span).count { $0.operationName == "create" && $0.errors.isEmpty } == 2)
            }
        }
        #expect(tracer.activeSpans.isEmpty)
    }

    /// A lock that is lost while it is held has no span for that; the next acquisition has one.
    @Test func aLossMakesNoSpan() async throws {
        try await withClients { clients in
            let held = try await lock(clients[0]).acquire()
            tracer.clearFinishedSpans()
            try await clients[1].delete(held.lease.nodePath)
            let found2 = await held.loss()
            #expect(found2 == .nodeDeleted)
            #expect(tracer.finishedSpans.map(\.operationName) == ["delete"], "the test's own")
            _ = try await held.release()
        }
    }

    @Test(arguments: ServerKind.allCases) func anElectionHasSpansToo(_ kind: ServerKind) async throws {
        try await withClients(kind, 1) { clients in
            let election = ZooKeeperElection(clients[0], at: "/a")
            var terms = 0
            try await election.withTerms { _ in
                terms += 1
                return terms < 2 ? .requeue : .resign
            }
            let spans = tracer.finishedSpans.filter { $0.operationName == "zookeeper.election.acquire" }
            #expect(spans.count == 2)
            #expect(spans.allSatisfy { $0.attributes.get("zookeeper.lock.recipe") == .string("election") })
            #expect(spans.allSatisfy { $0.attributes.get("zookeeper.lock.name") == nil })
            // A requeue is one transaction.
            #expect(spans.last.map { requests(of: $0).map(\.operationName).first } == "transaction")
        }
    }

    @Test func readersAndWritersAreTold() async throws {
        try await withClients(.inMemory, 1) { clients in
            let lock = ZooKeeperReadWriteLock(clients[0], at: "/a")
            try await lock.withReadLock { _ in }
            try await lock.withWriteLock { _ in
            } thenReading: { _, _ in
            }
            #expect(
                acquisitions.map { $0.attributes.get("zookeeper.lock.recipe") } == [.string("read"), .string("write")])
        }
    }
}
#endif
