// SPDX-License-Identifier: Apache-2.0

#if Metrics
import CoreMetrics
import MetricsTestKit
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// The metrics of requests, sessions and watches.
@Suite(.zooKeeperServer, .timeLimit(.minutes(2))) struct ClientMetricsTests {
    private let metrics = TestMetrics()

    private func withClient(
        _ kind: ServerKind = .inMemory, _ body: (ZooKeeperClient) async throws -> Void
    ) async throws {
        try await kind.withClients(1, configure: { $0.metricsFactory = metrics }) { try await body($0[0]) }
        expectBoundedLabels()
        // All sessions are closed, and their watches gone.
        try await eventually("nothing is connected") { connected == 0 && watches == 0 }
    }

    private func withInMemory(
        configure: (inout ZooKeeperConfiguration) -> Void = { _ in },
        _ body: (ZooKeeperClient, InMemoryZooKeeper) async throws -> Void
    ) async throws {
        let zooKeeper = InMemoryZooKeeper()
        var configuration = zooKeeper.configuration
        configuration.metricsFactory = metrics
        configure(&configuration)
        try await zooKeeper.withClient(configuration) { try await body($0, zooKeeper) }
        expectBoundedLabels()
    }

    private func expectBoundedLabels() {
        var all = metrics.counters.map { ($0.label, $0.dimensions) } + metrics.meters.map { ($0.label, $0.dimensions) }
        all += metrics.recorders.map { ($0.label, $0.dimensions) } + metrics.timers.map { ($0.label, $0.dimensions) }
        #expect(!all.isEmpty)
        for (label, dimensions) in all {
            #expect(dimensions.map(\.0) == MetricName(rawValue: label)?.labels.map(\.rawValue), "\(label)")
            #expect(!dimensions.contains { $0.1.contains("/") }, "\(label) \(dimensions)")
        }
    }

    private func requests(_ operation: String, _ outcome: String) -> Int64 {
        metrics.counterTotal(
            label: "zookeeper.client.requests", dimensions: [("operation", operation), ("outcome", outcome)])
    }

    /// All requests there were, by operation and outcome.
    private var requests: [String: Int64] {
        var counts: [String: Int64] = [:]
        for counter in metrics.counters(label: "zookeeper.client.requests") where counter.totalValue > 0 {
            counts[counter.dimensions.map(\.1).joined(separator: " ")] = counter.totalValue
        }
        return counts
    }

    private var connected: Double? { metrics.meters(label: "zookeeper.client.session.connected").first?.lastValue }
    private var watches: Double? { metrics.meters(label: "zookeeper.client.watches").first?.lastValue ?? 0 }

    // MARK: Requests

    @Test(arguments: ServerKind.allCases) func eachRequestIsCountedOnce(_ kind: ServerKind) async throws {
        try await withClient(kind) { client in
            try await client.create("/a")
            try await client.set("/a", to: [1])
            _ = try await client.get("/a")
            _ = try await client.children(of: "/a")
            _ = try await client.accessControl(of: "/a")
            try await client.setAccessControl(of: "/a", to: .open)
            try await client.sync()
            _ = try await client.transaction(Check("/a"))
            // That there is no such node is an answer to this question, and no error.
            let found1 = try await client.exists("/b")
            #expect(found1 == nil)
            await expectFailure(.noNode) { try await client.get("/b") }
            await expectFailure(.nodeExists) { try await client.create("/a") }
            try await client.delete("/a")
            #expect(
                requests == [
                    "create ok": 1, "create nodeExists": 1, "set ok": 1, "get ok": 1, "get noNode": 1, "children ok": 1,
                    "accessControl ok": 1, "setAccessControl ok": 1, "sync ok": 1, "transaction ok": 1, "exists ok": 1,
                    "delete ok": 1,
                ])
            // As many durations as requests.
            for operation in ["create", "get"] {
                let durations = metrics.timers(
                    label: "zookeeper.client.request.duration", dimensions: [("operation", operation)]
                ).flatMap(\.values)
                #expect(durations.count == 2)
                #expect(durations.allSatisfy { $0 > 0 })
            }
        }
    }

    @Test func thoseOfAPipelineToo() async throws {
        try await withClient { client in
            _ = await client.pipeline(Create("/a"), GetData("/a"), GetData("/b"))
            _ = await client.pipeline([GetData("/a"), GetData("/a")])
            #expect(requests == ["create ok": 1, "get ok": 3, "get noNode": 1])
        }
    }

    /// What is never answered is counted, too: for each code that comes about so.
    @Test func requestsThatAreNotAnswered() async throws {
        try await withInMemory { client, zooKeeper in
            try await client.create("/a")
            zooKeeper.loseNextReply(to: .setData)
            await expectFailure(.connectionLoss) { try await client.set("/a", to: []) }
            #expect(requests("set", "connectionLoss") == 1)

            let session = try await client.withSession { $0 }
            await zooKeeper.whileRefusing {
                await expectFailure(.timedOut) {
                    try await session.within(.milliseconds(1)).get("/a")
                }
                let waiting = Task { try await session.delete("/a") }
                waiting.cancel()
                await expectFailure(.cancelled) { try await waiting.value }
            }
            #expect(requests("get", "timedOut") == 1)
            #expect(requests("delete", "cancelled") == 1)

            // Nothing is sent: it is too long.
            await expectFailure(.requestTooLarge) {
                try await client.set("/a", to: [UInt8](repeating: 0, count: 2_000_000))
            }
            #expect(requests("set", "requestTooLarge") == 1)

            try zooKeeper.expire(session)
            await session.ended.wait()
            await expectFailure(.sessionLost) { try await session.get("/a") }
            #expect(requests("get", "sessionLost") == 1)
        }
    }

    /// A call that finds no session has sent nothing, and has failed for its caller.
    @Test func callsWithoutASession() async throws {
        let zooKeeper = InMemoryZooKeeper()
        var configuration = zooKeeper.configuration
        configuration.metricsFactory = metrics
        configuration.connectTimeout = .milliseconds(1)
        let client = try zooKeeper.makeClient(configuration)
        await expectFailure(.notRunning) { try await client.get("/a") }
        _ = await client.pipeline(GetData("/a"), Exists("/a"))
        _ = await client.pipeline([Delete("/a")])
        await expectFailure(.notRunning) { try await client.createProtected("/a") }
        await expectFailure(.notRunning) {
            try await client.authenticate(.digest(user: "u", password: "p"))
        }
        #expect(
            requests == [
                "get notRunning": 2, "exists notRunning": 1, "delete notRunning": 1, "create notRunning": 1,
                "authenticate notRunning": 1,
            ])
        await client.close()
        await expectFailure(.closed) { try await client.get("/a") }
        #expect(requests("get", "closed") == 1)
    }

    /// Heartbeats, and what else a session sends of its own accord, are no requests of its users.
    @Test func heartbeatsAreNotCounted() async throws {
        try await withInMemory { client, _ in
            let session = try await client.withSession { $0 }
            let begin = session.leasesExpireBy
            session.retainLeaderHeartbeats()
            try await eventually("a heartbeat was answered") { session.leasesExpireBy > begin }
            session.releaseLeaderHeartbeats()
            #expect(requests.isEmpty)
        }
    }

    // MARK: Sessions

    @Test func connectionsAreCounted() async throws {
        try await withInMemory { client, zooKeeper in
            _ = try await client.exists("/")
            #expect(connected == 1)
            let session = try await client.withSession { $0 }
            try await zooKeeper.whileRefusing {
                try await eventually("it is noticed") { connected == 0 }
                #expect(!session.isConnected)
            }
            try await eventually("it connects again") { connected == 1 }
            // Another client with the same backend: they add up.
            try await withInMemory { other, _ in
                _ = try await other.exists("/")
                #expect(connected == 2)
            }
            try await eventually("the other is closed") { connected == 1 }
            #expect(metrics.counters(label: "zookeeper.client.sessions.lost").isEmpty)
        }
        try await eventually("closed") { connected == 0 }
    }

    @Test func aLostSessionHasItsReason() async throws {
        try await withInMemory { client, zooKeeper in
            let session = try await client.withSession { $0 }
            try zooKeeper.expire(session)
            await session.ended.wait()
            try await eventually("counted") {
                metrics.counterTotal(label: "zookeeper.client.sessions.lost", dimensions: [("reason", "expired")]) == 1
            }
            _ = try await client.exists("/")
            #expect(connected == 1)
            #expect(metrics.counterTotal(label: "zookeeper.client.sessions.lost") == 1)
        }
    }

    @Test func eachReasonHasALabelOfItsOwn() {
        let reasons: [LossReason] = [
            .expired, .abandoned, .authenticationFailed, .protocolViolation("/some/detail"), .unreachable("/detail"),
        ]
        #expect(
            reasons.map(\.label)
                == ["expired", "abandoned", "authenticationFailed", "protocolViolation", "unreachable"])
    }

    @Test func aServerThatRefusesCredentialsIsAReason() async throws {
        let zooKeeper = InMemoryZooKeeper()
        var configuration = zooKeeper.configuration
        configuration.metricsFactory = metrics
        configuration.credentials = [Credential(scheme: "unknown", proof: [])]
        try await zooKeeper.withClient(configuration) { client in
            await expectFailure(.authenticationFailed) { try await client.exists("/") }
        }
        #expect(
            metrics.counterTotal(
                label: "zookeeper.client.sessions.lost", dimensions: [("reason", "authenticationFailed")]) >= 1)
    }

    // MARK: Watches

    @Test(arguments: ServerKind.allCases) func watchesAreCounted(_ kind: ServerKind) async throws {
        try await withClient(kind) { client in
            try await client.create("/a")
            let data = try await client.getWatched("/a").watch
            let children = try await client.childrenWatched(of: "/a").watch
            #expect(watches == 2)
            // A read that fails sets none; one of an absent node sets one that sees it come.
            await expectFailure(.noNode) { try await client.getWatched("/b") }
            #expect(watches == 2)
            let absent = try await client.existsWatched("/b").watch
            #expect(watches == 3)
            try await client.set("/a", to: [1])
            _ = try await data.event()
            try await eventually("it has fired") { watches == 2 }
            children.cancel()
            try await eventually("it is taken off") { watches == 1 }
            withExtendedLifetime(absent) {}
        }
    }

    @Test func watchesEndWithTheirSession() async throws {
        try await withInMemory { client, zooKeeper in
            let watch = try await client.existsWatched("/a").watch
            #expect(watches == 1)
            try zooKeeper.expire(try await client.withSession { $0 })
            await #expect(throws: ZooKeeperError.self) { try await watch.event() }
            try await eventually("they are gone") { watches == 0 }
        }
    }

    // MARK: Without a backend

    @Test func withoutABackendNothingIsMeasured() throws {
        var configuration = InMemoryZooKeeper().configuration
        configuration.metricsFactory = NOOPMetricsHandler.instance
        #if Tracing
        configuration.tracer = nil
        #endif
        #expect(try InMemoryZooKeeper().makeClient(configuration).instruments == nil)
        configuration.metricsFactory = nil
        #expect(try InMemoryZooKeeper().makeClient(configuration).instruments == nil, "none is bootstrapped")
        configuration.metricsFactory = metrics
        #expect(try InMemoryZooKeeper().makeClient(configuration).instruments != nil)
    }

    /// The backend of the moment, unless one is given.
    @Test func theBackendOfTheSystemIsTaken() throws {
        let client = try withMetricsFactory(metrics) { try InMemoryZooKeeper().makeClient() }
        #expect(client.instruments != nil)
        #expect(!metrics.timers(label: "zookeeper.client.request.duration").isEmpty)
    }

    @Test func configurationsWithTheSameBackendAreEqual() {
        var configuration = InMemoryZooKeeper().configuration
        let without = configuration
        configuration.metricsFactory = metrics
        let copy = configuration
        #expect(copy == configuration)
        #expect(copy.hashValue == configuration.hashValue)
        #expect(copy != without)
        configuration.metricsFactory = TestMetrics()
        #expect(copy != configuration)
        configuration.metricsFactory = nil
        #expect(configuration == without)
    }
}
#endif
