import TestSupport
import Testing
import ZooKeeper

/// One call, from the request to its end.
@Suite struct ReplyTests {
    private func makeReply(_ observer: (@Sendable (Reply.Outcome) -> Void)? = nil) -> Reply {
        Reply(Request(.exists(path: "/a")), submittedAt: .now, retry: .never, delegate: nil, observer: observer)
    }

    /// The answer and the end of the session, or a cancellation, may come together: whoever waits is told once.
    @Test func onlyTheFirstEndCountsForWhoeverWaits() async throws {
        let reply = makeReply()
        let caller = Task { await reply.outcome() }
        try await eventually("awaited") { reply.isAwaited }
        reply.finish(.success(Response(.done)))
        // Before the second end: resuming a caller twice is not to be survived.
        try #require(reply.isFinished)
        reply.fail(.closed)
        reply.withdraw()
        guard case .success = await caller.value else {
            Issue.record("the later end counted")
            return
        }
    }

    @Test func onlyTheFirstEndCountsForWhoeverComesLate() async {
        let ends = Shared(0)
        let reply = makeReply { _ in ends.withLock { $0 += 1 } }
        reply.fail(.closed)
        reply.finish(.success(Response(.done)))
        #expect(ends.value == 1)
        let outcome = await reply.outcome()
        #expect { try outcome.get() } throws: { ZooKeeperError.Code.closed ~= $0 }
    }

    @Test func cancellingTheCallerEndsItOnce() async throws {
        let reply = makeReply()
        let caller = Task { await reply.outcome() }
        try await eventually("awaited") { reply.isAwaited }
        caller.cancel()
        let outcome = await caller.value
        #expect { try outcome.get() } throws: { ZooKeeperError.Code.cancelled ~= $0 }
        reply.finish(.success(Response(.done)))
        #expect(reply.isFinished)
    }
}
