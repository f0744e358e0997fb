// SPDX-License-Identifier: Apache-2.0

#if Metrics
import MetricsTestKit
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// The metrics of locks, read/write locks and elections: each, and each value of its labels.
@Suite(.zooKeeperServer, .timeLimit(.minutes(2))) struct LockMetricsTests {
    private let metrics = TestMetrics()

    /// Runs `body` with clients that are measured.
    private func withClients(
        _ kind: ServerKind = .inMemory, _ count: Int = 2, _ body: ([ZooKeeperClient]) async throws -> Void
    ) async throws {
        try await kind.withClients(count, configure: { $0.metricsFactory = metrics }, body)
        expectBoundedLabels()
    }

    /// No label has a path as its value, and there are none but those that are documented.
    private func expectBoundedLabels() {
        var all = metrics.counters.map { ($0.label, $0.dimensions) } + metrics.meters.map { ($0.label, $0.dimensions) }
        all += metrics.recorders.map { ($0.label, $0.dimensions) } + metrics.timers.map { ($0.label, $0.dimensions) }
        #expect(!all.isEmpty)
        for (label, dimensions) in all {
            #expect(dimensions.map(\.0) == MetricName(rawValue: label)?.labels.map(\.rawValue), "\(label)")
            #expect(!dimensions.contains { $0.1.contains("/") }, "\(label) \(dimensions)")
        }
    }

    private func configuration<Dialect: RecipeDialect>(
        _ name: String? = "invoices", _ policy: LossPolicy = .onDeadline
    ) -> RecipeConfiguration<Dialect> {
        var configuration = RecipeConfiguration<Dialect>()
        configuration.metricsName = name
        configuration.lossPolicy = policy
        return configuration
    }

    private func lock(_ client: ZooKeeperClient, _ policy: LossPolicy = .onDeadline) -> ZooKeeperLock {
        ZooKeeperLock(client, at: "/a", configuration: configuration("invoices", policy))
    }

    // MARK: Reading them

    private func labels(_ recipe: String, _ name: String) -> [(String, String)] {
        [("lock", name), ("recipe", recipe)]
    }

    /// The number of acquisitions with this result; the waits are as many.
    private func acquisitions(_ result: String, _ recipe: String = "lock", of name: String = "invoices") -> Int {
        let labels = labels(recipe, name) + [("result", result)]
        let count = Int(metrics.counterTotal(label: "zookeeper.lock.acquisitions", dimensions: labels))
        let waits = metrics.timers(label: "zookeeper.lock.wait", dimensions: labels).flatMap(\.values)
        #expect(waits.count == count)
        #expect(waits.allSatisfy { $0 > 0 })
        return count
    }

    private func holds(_ recipe: String = "lock", of name: String = "invoices") -> [Int64] {
        metrics.timers(label: "zookeeper.lock.held", dimensions: labels(recipe, name)).flatMap(\.values)
    }

    private func ahead(_ recipe: String = "lock") -> [Double] {
        metrics.recorders(label: "zookeeper.lock.ahead", dimensions: labels(recipe, "invoices")).flatMap(\.values)
    }

    private func losses(_ cause: String) -> Int64 {
        metrics.counterTotal(
            label: "zookeeper.lock.lost", dimensions: labels("lock", "invoices") + [("cause", cause)])
    }

    private var leading: Double? { metrics.meters(label: "zookeeper.election.leading").first?.lastValue }

    // MARK: Acquisitions

    @Test(arguments: ServerKind.allCases) func aHoldIsMeasured(_ kind: ServerKind) async throws {
        try await withClients(kind, 1) { clients in
            try await lock(clients[0]).withLock { _ in
                #expect(acquisitions("granted") == 1)
                #expect(holds().isEmpty)
                // Entered again: that is no acquisition.
                try await lock(clients[0]).withLock { _ in }
            }
            #expect(acquisitions("granted") == 1)
            #expect(holds().count == 1)
            #expect(holds().allSatisfy { $0 > 0 })
            #expect(ahead() == [0])
            #expect(metrics.counters(label: "zookeeper.lock.lost").isEmpty)
            #expect(metrics.meters(label: "zookeeper.election.leading").isEmpty)
        }
    }

    @Test func aLockWithoutANameIsUnnamed() async throws {
        try await withClients { clients in
            for client in clients { try await ZooKeeperLock(client, at: "/a").withLock { _ in } }
            #expect(acquisitions("granted", of: "unnamed") == 2)
            #expect(holds(of: "unnamed").count == 2)
        }
    }

    @Test func byHand() async throws {
        try await withClients { clients in
            let held = try await lock(clients[0]).acquire()
            #expect(acquisitions("granted") == 1)
            try await held.release()
            #expect(holds().count == 1)
            // Dropped without being released.
            _ = try await lock(clients[0]).acquireIfAvailable()
            #expect(acquisitions("granted") == 2)
            #expect(holds().count == 2)
        }
    }

    @Test(arguments: ServerKind.allCases) func whatIsNotGrantedSaysWhy(_ kind: ServerKind) async throws {
        try await withClients(kind) { clients in
            let held = try await lock(clients[0]).acquire()
            let other = lock(clients[1])
            let found1 = try await other.acquireIfAvailable()
            #expect(found1 == nil)
            let found2 = try await other.withLockIfAvailable { _ in true }
            #expect(found2 == nil)
            #expect(acquisitions("busy") == 2)

            await expectLockFailure(.timedOut) { try await other.acquire(waitingUpTo: .milliseconds(50)) }
            await expectLockFailure(.timedOut) { try await other.withLock(waitingUpTo: .zero) { _ in } }
            #expect(acquisitions("timedOut") == 2)

            let waiting = Task { try await other.withLock { _ in } }
            try await clients[0].waitForQueue(at: "/a", of: 2)
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(acquisitions("cancelled") == 1)

            #expect(acquisitions("granted") == 1)
            try await held.release()
        }
    }

    @Test(arguments: ServerKind.allCases) func theQueueIsMeasuredOnce(_ kind: ServerKind) async throws {
        try await withClients(kind, 3) { clients in
            let held = try await lock(clients[0]).acquire()
            // One that only looks does not join.
            let found3 = try await lock(clients[1]).acquireIfAvailable()
            #expect(found3 == nil)
            #expect(ahead() == [0])
            let second = Task { try await lock(clients[1]).acquire() }
            try await eventually("the second has joined") { ahead() == [0, 1] }
            let third = Task { try await lock(clients[2]).acquire() }
            try await eventually("the third has joined") { ahead() == [0, 1, 2] }
            try await held.release()
            try await second.value.release()
            try await third.value.release()
            #expect(ahead() == [0, 1, 2])
        }
    }

    @Test func failuresSayWhy() async throws {
        try await withClients { clients in
            let client = clients[0]
            let latch = try await ZooKeeperElection(clients[1], at: "/a").acquireLeadership()
            await expectLockFailure(.mixedKinds) { try await lock(client).acquire() }
            #expect(acquisitions("mixedKinds") == 1)
            try await latch.release()

            try await client.create("/a/_c_00000000-0000-0000-0000-000000000000-lock-2147483647")
            await expectLockFailure(.sequenceExhausted) { try await lock(client).acquire() }
            #expect(acquisitions("sequenceExhausted") == 1)
        }
    }

    @Test func aClientThatCannotBeUsedIsUnavailable() async throws {
        let zooKeeper = InMemoryZooKeeper()
        var configuration = zooKeeper.configuration
        configuration.metricsFactory = metrics
        let client = try zooKeeper.makeClient(configuration)
        await client.close()
        await expectLockFailure(.unavailable) { try await lock(client).acquire() }
        #expect(acquisitions("unavailable") == 1)
        #expect(metrics.recorders(label: "zookeeper.lock.ahead").flatMap(\.values).isEmpty)
    }

    // MARK: Losses

    @Test(arguments: ServerKind.allCases) func aNodeThatIsDeletedIsALoss(_ kind: ServerKind) async throws {
        try await withClients(kind) { clients in
            let held = try await lock(clients[0]).acquire()
            try await clients[1].delete(held.lease.nodePath)
            let found4 = await held.loss()
            #expect(found4 == .nodeDeleted)
            #expect(losses("nodeDeleted") == 1)
            #expect(holds().count == 1)
            // It is lost once, and not released besides.
            let found5 = try await held.release()
            #expect(found5 == .nodeDeleted)
            #expect(losses("nodeDeleted") == 1)
            #expect(holds().count == 1)
        }
    }

    @Test func aLossHasItsCause() async throws {
        let zooKeeper = InMemoryZooKeeper()
        var configuration = zooKeeper.configuration
        configuration.metricsFactory = metrics
        configuration.sessionTimeout = .seconds(1)
        try await zooKeeper.withClient(configuration) { client in
            let suspended = try await lock(client, .onSuspension).acquire()
            zooKeeper.cut()
            let found6 = await suspended.loss()
            #expect(found6 == .connectionLost)
            #expect(losses("connectionLost") == 1)
            _ = try await suspended.release()

            let overdue = try await lock(client).acquire()
            let overdueLoss = await zooKeeper.whileRefusing { await overdue.loss() }
            #expect(overdueLoss == .deadlinePassed)
            #expect(losses("deadlinePassed") == 1)
            _ = try await overdue.release()

            // What is heard first: of the end of the session, or of its node, which the server removes.
            let expired = try await lock(client, .onExpiry).acquire()
            try zooKeeper.expire(expired.lease.session)
            let loss = try #require(await expired.loss())
            #expect(loss != .connectionLost && loss != .deadlinePassed)
            #expect(losses(loss.label) == 1)
            #expect(metrics.counterTotal(label: "zookeeper.lock.lost") == 3)
        }
    }

    @Test func eachCauseHasALabelOfItsOwn() {
        let causes: [LockLoss] = [
            .connectionLost, .deadlinePassed, .sessionEnded(.lost(.unreachable("/detail"))), .sessionEnded(.closed),
            .nodeDeleted,
        ]
        #expect(
            causes.map(\.label) == ["connectionLost", "deadlinePassed", "sessionEnded", "sessionEnded", "nodeDeleted"])
    }

    // MARK: The other recipes

    @Test func readersAndWritersAreApart() async throws {
        try await withClients { clients in
            let lock = ZooKeeperReadWriteLock(clients[0], at: "/a", configuration: configuration())
            let other = ZooKeeperReadWriteLock(clients[1], at: "/a", configuration: configuration())
            try await lock.withReadLock { _ in
                let found7 = try await other.withWriteLockIfAvailable { _ in true }
                #expect(found7 == nil)
                #expect(acquisitions("busy", "write") == 1)
                // The reader is the only one: it becomes the writer for a while.
                let found8 = try await lock.withWriteLockIfAvailable { _ in true }
                #expect(found8 == true)
            }
            #expect(acquisitions("granted", "read") == 1)
            #expect(acquisitions("granted", "write") == 1)
            #expect(holds("read").count == 1)
            #expect(holds("write").count == 1)
            // A writer that goes on as a reader has not acquired a lock once more, and holds it as a reader.
            try await lock.withWriteLock {
                _ in
            } thenReading: { _, _ in
                #expect(holds("write").count == 2)
                #expect(holds("read").count == 1)
            }
            #expect(acquisitions("granted", "write") == 2)
            #expect(acquisitions("granted", "read") == 1)
            #expect(holds("read").count == 2)
        }
    }

    @Test(arguments: ServerKind.allCases) func aLeaderIsCounted(_ kind: ServerKind) async throws {
        try await withClients(kind) { clients in
            let election = ZooKeeperElection(clients[0], at: "/a", configuration: configuration("billing"))
            let other = ZooKeeperElection(clients[1], at: "/a", configuration: configuration("billing"))
            try await election.withLeadership { _ in
                #expect(leading == 1)
                let found9 = try await other.acquireLeadershipIfAvailable()
                #expect(found9 == nil)
                #expect(leading == 1)
            }
            #expect(leading == 0)
            #expect(acquisitions("granted", "election", of: "billing") == 1)
            #expect(acquisitions("busy", "election", of: "billing") == 1)
            // Each term is an acquisition of its own.
            var terms = 0
            try await election.withTerms { _ in
                terms += 1
                #expect(leading == 1)
                return terms < 3 ? .requeue : .resign
            }
            #expect(leading == 0)
            #expect(acquisitions("granted", "election", of: "billing") == 4)
            #expect(holds("election", of: "billing").count == 4)
        }
    }

    /// Two leaders of one process, in two elections with one name, are two.
    @Test func leadersAddUp() async throws {
        try await withClients { clients in
            let paths: [ZNodePath] = ["/a", "/b"]
            var held: [HeldLock] = []
            for (client, path) in zip(clients, paths) {
                held.append(
                    try await ZooKeeperElection(client, at: path, configuration: configuration("billing"))
                        .acquireLeadership())
            }
            #expect(leading == 2)
            for lock in held { try await lock.release() }
            #expect(leading == 0)
        }
    }

    /// Objects of a backend are made once, however many locks there are.
    @Test func objectsAreMadeOnce() async throws {
        let factory = CountingMetrics()
        try await ServerKind.inMemory.withClients(1, configure: { $0.metricsFactory = factory }) { clients in
            try await lock(clients[0]).withLock { _ in }
            let made = factory.made.value
            #expect(made > 0)
            for _ in 0..<5 { try await lock(clients[0]).withLock { _ in } }
            #expect(factory.made.value == made)
        }
    }
}
#endif
