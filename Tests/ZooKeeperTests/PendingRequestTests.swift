// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper

/// One call, from the request to its end.
@Suite struct PendingRequestTests {
    private func makePending(_ observer: (@Sendable (PendingRequest.Answer) -> Void)? = nil) -> PendingRequest {
        PendingRequest(
            Request("/a", .exists), below: .root, submittedAt: .now, retry: .never, delegate: nil,
            observer: observer.map { .closure($0) })
    }

    /// The answer and the end of the session, or a cancellation, may come together: the waiter is told once.
    @available(macOS 26, *)
    @Test func onlyTheFirstEndCountsForAWaiter() async throws {
        let pending = makePending()
        // Waits for the answer when this returns.
        let caller = Task.immediate { await pending.answer() }
        pending.finish(.success(Response(.done)))
        // Before the second end: resuming a caller twice is not to be survived.
        try #require(pending.isFinished)
        pending.fail(.closed)
        pending.withdraw()
        guard case .success = await caller.value else {
            Issue.record("the later end counted")
            return
        }
    }

    @Test func onlyTheFirstEndCountsForALateWaiter() async {
        let ends = Shared(0)
        let pending = makePending { _ in ends.withLock { $0 += 1 } }
        pending.fail(.closed)
        pending.finish(.success(Response(.done)))
        #expect(ends.value == 1)
        let outcome = await pending.answer()
        #expect { try outcome.get() } throws: { ZooKeeperError.Code.closed ~= $0 }
    }

    @available(macOS 26, *)
    @Test func cancellingTheCallerEndsItOnce() async throws {
        let pending = makePending()
        let caller = Task.immediate { await pending.answer() }
        caller.cancel()
        let outcome = await caller.value
        #expect { try outcome.get() } throws: { ZooKeeperError.Code.cancelled ~= $0 }
        pending.finish(.success(Response(.done)))
        #expect(pending.isFinished)
    }
}
