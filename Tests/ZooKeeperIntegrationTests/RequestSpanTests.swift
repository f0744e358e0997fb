// SPDX-License-Identifier: Apache-2.0

#if Tracing
import InMemoryTracing
import TestSupport
import Testing
import Tracing
import ZooKeeper
import ZooKeeperTesting

/// The spans of requests.
@Suite(.zooKeeperServer, .timeLimit(.minutes(2))) struct RequestSpanTests {
    private let tracer = InMemoryTracer()

    private func withClient(
        _ kind: ServerKind = .inMemory, _ body: (ZooKeeperClient) async throws -> Void
    ) async throws {
        try await kind.withClients(1, configure: { $0.tracer = tracer }) { try await body($0[0]) }
        #expect(tracer.activeSpans.isEmpty, "every span ends")
    }

    private var names: [String] { tracer.finishedSpans.map(\.operationName) }

    private func expectRecorded(_ code: String, sourceLocation: SourceLocation = #_sourceLocation) {
        let span = tracer.finishedSpans.last
        #expect(span?.status?.code == .error, sourceLocation: sourceLocation)
        #expect(span?.attributes.get("error.type") == .string(code), sourceLocation: sourceLocation)
        #expect(span?.errors.count == 1, sourceLocation: sourceLocation)
        let error = span?.errors.first?.error as? ZooKeeperError
        #expect(error?.code.description == code, sourceLocation: sourceLocation)
    }

    @Test(arguments: ServerKind.allCases) func aRequestHasASpan(_ kind: ServerKind) async throws {
        try await withClient(kind) { client in
            try await tracer.withSpan("caller") { _ in
                try await client.create("/a")
                _ = try await client.get("/a")
            }
            #expect(names == ["create", "get", "caller"])
            let (span, caller) = (tracer.finishedSpans[1], tracer.finishedSpans[2])
            #expect(span.parentSpanID == caller.spanID)
            #expect(span.kind == .client)
            #expect(span.status == nil)
            #expect(span.errors.isEmpty)
            #expect(span.attributes.get("db.system.name") == .string("zookeeper"))
            #expect(span.attributes.get("db.operation.name") == .string("get"))
            #expect(span.attributes.get("zookeeper.path") == .string("/a"))
            #expect(span.attributes.get("error.type") == nil)
            if kind == .real {
                let port = try ZooKeeperServer.required.port
                #expect(span.attributes.get("server.address") == .string("127.0.0.1"))
                #expect(span.attributes.get("server.port") == .int64(Int64(port)))
            }
        }
    }

    @Test func errorsAreRecorded() async throws {
        try await withClient { client in
            await expectFailure(.noNode) { try await client.get("/a") }
            expectRecorded("noNode")
            // An answer to this question, and no error.
            let found1 = try await client.exists("/a")
            #expect(found1 == nil)
            #expect(names == ["get", "exists"])
            #expect(tracer.finishedSpans.last?.status == nil)
        }
    }

    @Test func everyRequestOfAPipelineHasASpan() async throws {
        try await withClient { client in
            _ = await client.pipeline(Create("/a"), GetData("/b"))
            _ = await client.pipeline([GetData("/a")])
            #expect(names == ["create", "get", "get"])
            #expect(tracer.finishedSpans.map { $0.status?.code } == [nil, .error, nil])
            tracer.clearFinishedSpans()
            _ = try await client.transaction(Create("/c"), Delete("/c"))
            #expect(names == ["transaction"])
            #expect(tracer.finishedSpans.last?.attributes.get("db.operation.batch.size") == .int64(2))
            #expect(tracer.finishedSpans.last?.attributes.get("zookeeper.path") == nil)
        }
    }

    /// A span ends with the wait, whatever ends that.
    @Test func aSpanEndsWithTheWait() async throws {
        let zooKeeper = InMemoryZooKeeper()
        var configuration = zooKeeper.configuration
        configuration.tracer = tracer
        try await zooKeeper.withClient(configuration) { client in
            try await client.create("/a")
            let session = try await client.withSession { $0 }
            try await zooKeeper.whileRefusing {
                await expectFailure(.timedOut) {
                    try await session.within(.milliseconds(1)).get("/a")
                }
                expectRecorded("timedOut")
                let waiting = Task { try await session.delete("/a") }
                try await eventually("it waits") { tracer.activeSpans.contains { $0.operationName == "delete" } }
                waiting.cancel()
                await expectFailure(.cancelled) { try await waiting.value }
                expectRecorded("cancelled")
            }
            zooKeeper.loseNextReply(to: .setData)
            await expectFailure(.connectionLoss) { try await client.set("/a", to: []) }
            expectRecorded("connectionLoss")
            try zooKeeper.expire(session)
            await session.ended.wait()
            await expectFailure(.sessionLost) { try await session.get("/a") }
            expectRecorded("sessionLost")
        }
        #expect(tracer.activeSpans.isEmpty)
    }

    /// A call that finds no session has a span of the time for which it has waited for one.
    @Test func aCallWithoutASessionHasASpan() async throws {
        let zooKeeper = InMemoryZooKeeper()
        var configuration = zooKeeper.configuration
        configuration.tracer = tracer
        configuration.connectTimeout = .milliseconds(20)
        let client = try zooKeeper.makeClient(configuration)
        await expectFailure(.notRunning) { try await client.get("/a") }
        expectRecorded("notRunning")
        let span = try #require(tracer.finishedSpans.last)
        #expect(span.operationName == "get")
        #expect(span.endInstant.nanosecondsSinceEpoch - span.startInstant.nanosecondsSinceEpoch >= 20_000_000)
        _ = await client.pipeline(GetData("/a"), Exists("/a"))
        #expect(names == ["get", "get", "exists"])
        #expect(tracer.activeSpans.isEmpty)
    }

    @Test func heartbeatsHaveNone() async throws {
        try await withClient { client in
            let session = try await client.withSession { $0 }
            let begin = session.leasesExpireBy
            session.retainLeaderHeartbeats()
            try await eventually("a heartbeat was answered") { session.leasesExpireBy > begin }
            session.releaseLeaderHeartbeats()
            #expect(names.isEmpty)
        }
    }

    /// No secret gets into a span.
    @Test func credentialsAreInNoSpan() async throws {
        try await withClient { client in
            try await client.authenticate(.digest(user: "reader", password: "secret"))
            let span = try #require(tracer.finishedSpans.last)
            #expect(span.operationName == "authenticate")
            #expect(!"\(span)".contains("secret"))
        }
    }

    @Test func withoutATracerThereIsNothing() throws {
        var configuration = InMemoryZooKeeper().configuration
        #expect(try InMemoryZooKeeper().makeClient(configuration).instruments == nil, "none is bootstrapped")
        let without = configuration
        configuration.tracer = tracer
        let copy = configuration
        #expect(copy == configuration)
        #expect(copy != without)
        #expect(try InMemoryZooKeeper().makeClient(configuration).instruments != nil)
        // The tracer of the moment, unless one is given.
        #expect(try withTracer(tracer) { try InMemoryZooKeeper().makeClient() }.instruments != nil)
    }
}
#endif
