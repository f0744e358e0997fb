// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper

@Suite struct RequestQueueTests {
    private let now = Moment.now

    private func pending(
        _ path: ZNodePath, _ action: Action<TransactionStep>, at time: Duration = .zero,
        retry: PendingRequest.Retry = .never
    ) -> PendingRequest {
        PendingRequest(Request(path, action), below: .root, submittedAt: now + time, retry: retry, delegate: nil)
    }

    /// Takes out and issues everything that may leave; the paths in order.
    private func issueAll(_ queue: inout RequestQueue) -> [String] {
        var paths: [String] = []
        while let (entry, priority) = queue.next() {
            entry.forEach { pending in
                queue.issue(pending, priority, at: now)
                paths.append(pending.path?.string ?? pending.request.action.name)
            }
        }
        return paths
    }

    @Test func nothingLeavesWithoutAConnection() {
        var queue = RequestQueue(limit: 10)
        queue.append(.single(pending("/a", .exists)), .normal)
        queue.append(.single(pending("/u", .exists)), .urgent)
        #expect(issueAll(&queue) == [])
        queue.isOpen = true
        #expect(issueAll(&queue) == ["/u", "/a"])
    }

    @Test func urgentOnesPassWhenHeld() {
        var queue = RequestQueue(limit: 10)
        queue.isOpen = true
        queue.isHeld = true
        queue.append(.single(pending("/a", .exists)), .normal)
        queue.append(.single(pending("/u", .exists)), .urgent)
        #expect(issueAll(&queue) == ["/u"])
        queue.isHeld = false
        #expect(issueAll(&queue) == ["/a"])
    }

    @Test func noMoreThanTheLimitAreUnderWay() {
        var queue = RequestQueue(limit: 2)
        queue.isOpen = true
        let pendingRequests = (0..<4).map { pending(ZNodePath(unchecked: "/\($0)"), .exists) }
        for pending in pendingRequests { queue.append(.single(pending), .normal) }
        #expect(issueAll(&queue) == ["/0", "/1"])
        queue.append(.single(pending("/u", .exists)), .urgent)
        #expect(issueAll(&queue) == ["/u"], "urgent ones have a limit of their own")
        #expect(queue.finish(pendingRequests[1]) != nil)
        #expect(queue.finish(pendingRequests[1]) == nil)
        #expect(issueAll(&queue) == ["/2"])
    }

    @Test func aPipelineLeavesAsAWhole() {
        var queue = RequestQueue(limit: 3)
        queue.isOpen = true
        let single = pending("/s", .exists)
        queue.append(.single(single), .normal)
        queue.append(.pipeline((0..<3).map { pending(ZNodePath(unchecked: "/f\($0)"), .exists) }), .normal)
        queue.append(.single(pending("/after", .exists)), .normal)
        #expect(issueAll(&queue) == ["/s"], "and no request overtakes it")
        _ = queue.finish(single)
        #expect(issueAll(&queue) == ["/f0", "/f1", "/f2"])
    }

    @Test func anAuthenticationGoesAlone() {
        var queue = RequestQueue(limit: 10)
        queue.isOpen = true
        let first = pending("/1", .exists)
        let credential = Credential.digest(user: "a", password: "b")
        let authentication = PendingRequest(
            Request(.authenticate(credential)), below: .root, submittedAt: now, retry: .never, delegate: nil)
        queue.append(.single(first), .normal)
        queue.append(.single(authentication), .normal)
        queue.append(.single(pending("/2", .exists)), .normal)
        #expect(issueAll(&queue) == ["/1"])
        _ = queue.finish(first)
        #expect(issueAll(&queue) == ["authenticate"])
        queue.append(.single(pending("/u", .exists)), .urgent)
        #expect(issueAll(&queue) == [])
        _ = queue.finish(authentication)
        #expect(issueAll(&queue) == ["/u", "/2"])
    }

    @Test func whatWasUnderWayGoesFirst() {
        var queue = RequestQueue(limit: 10)
        queue.isOpen = true
        let read = pending("/again", .exists, retry: .withinRequestTimeout)
        queue.append(.single(read), .normal)
        _ = issueAll(&queue)
        queue.isOpen = false
        queue.append(.single(pending("/new", .exists)), .normal)
        guard let settled = queue.finish(read) else {
            Issue.record("not under way")
            return
        }
        queue.appendAgain(read, settled.priority)
        queue.isOpen = true
        #expect(issueAll(&queue) == ["/again", "/new"])
    }

    @Test func whatWaitsTooLongIsTakenOut() {
        var queue = RequestQueue(limit: 10)
        let pendingRequests = (0..<3).map { pending(ZNodePath(unchecked: "/\($0)"), .exists, at: .seconds($0)) }
        let patient = pending("/patient", .exists, retry: .untilSessionEnds)
        queue.append(.single(patient), .normal)
        for pending in pendingRequests { queue.append(.single(pending), .normal) }
        #expect(queue.oldestSubmission == now)
        #expect(queue.expire(submittedBy: now + .seconds(1)).map(\.path) == ["/0", "/1"])
        #expect(queue.oldestSubmission == now + .seconds(2))
        #expect(queue.expire(submittedBy: now + .seconds(9)).count == 1)
        queue.isOpen = true
        #expect(issueAll(&queue) == ["/patient"])
    }

    @Test func drainsInOrder() {
        var queue = RequestQueue(limit: 10)
        queue.append(.single(pending("/1", .exists)), .normal)
        queue.append(.pipeline([pending("/2", .exists), pending("/3", .exists)]), .normal)
        queue.append(.single(pending("/u", .exists)), .urgent)
        #expect(queue.drainWaiting(includingUrgent: false).map(\.path) == ["/1", "/2", "/3"])
        #expect(queue.waitingCount == 1)
        #expect(queue.drainWaiting(includingUrgent: true).map(\.path) == ["/u"])
    }
}
