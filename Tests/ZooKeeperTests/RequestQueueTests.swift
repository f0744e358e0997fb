import Testing
import ZooKeeper

@Suite struct RequestQueueTests {
    private let now = ContinuousClock.now

    private func pending(
        _ kind: Request.Kind, at time: Duration = .zero, retry: PendingRequest.Retry = .never
    ) -> PendingRequest {
        PendingRequest(Request(kind), submittedAt: now + time, retry: retry, delegate: nil)
    }

    /// Takes out and issues everything that may leave; the paths in order.
    private func issueAll(_ queue: inout RequestQueue) -> [String] {
        var paths: [String] = []
        while let (entry, priority) = queue.next() {
            entry.forEach { pending in
                queue.issue(pending, priority, at: now)
                paths.append(pending.request.path ?? pending.request.name)
            }
        }
        return paths
    }

    @Test func nothingLeavesWithoutAConnection() {
        var queue = RequestQueue(limit: 10)
        queue.append(.single(pending(.exists(path: "/a"))), .normal)
        queue.append(.single(pending(.exists(path: "/u"))), .urgent)
        #expect(issueAll(&queue) == [])
        queue.isOpen = true
        #expect(issueAll(&queue) == ["/u", "/a"])
    }

    @Test func urgentOnesPassWhenHeld() {
        var queue = RequestQueue(limit: 10)
        queue.isOpen = true
        queue.isHeld = true
        queue.append(.single(pending(.exists(path: "/a"))), .normal)
        queue.append(.single(pending(.exists(path: "/u"))), .urgent)
        #expect(issueAll(&queue) == ["/u"])
        queue.isHeld = false
        #expect(issueAll(&queue) == ["/a"])
    }

    @Test func noMoreThanTheLimitAreUnderWay() {
        var queue = RequestQueue(limit: 2)
        queue.isOpen = true
        let pendingRequests = (0..<4).map { pending(.exists(path: "/\($0)")) }
        for pending in pendingRequests { queue.append(.single(pending), .normal) }
        #expect(issueAll(&queue) == ["/0", "/1"])
        queue.append(.single(pending(.exists(path: "/u"))), .urgent)
        #expect(issueAll(&queue) == ["/u"], "urgent ones have a limit of their own")
        #expect(queue.finish(pendingRequests[1]) != nil)
        #expect(queue.finish(pendingRequests[1]) == nil)
        #expect(issueAll(&queue) == ["/2"])
    }

    @Test func aPipelineLeavesAsAWhole() {
        var queue = RequestQueue(limit: 3)
        queue.isOpen = true
        let single = pending(.exists(path: "/s"))
        queue.append(.single(single), .normal)
        queue.append(.pipeline((0..<3).map { pending(.exists(path: "/f\($0)")) }), .normal)
        queue.append(.single(pending(.exists(path: "/after"))), .normal)
        #expect(issueAll(&queue) == ["/s"], "and no request overtakes it")
        _ = queue.finish(single)
        #expect(issueAll(&queue) == ["/f0", "/f1", "/f2"])
    }

    @Test func anAuthenticationGoesAlone() {
        var queue = RequestQueue(limit: 10)
        queue.isOpen = true
        let first = pending(.exists(path: "/1"))
        let authentication = pending(.authenticate(.digest(user: "a", password: "b")))
        queue.append(.single(first), .normal)
        queue.append(.single(authentication), .normal)
        queue.append(.single(pending(.exists(path: "/2"))), .normal)
        #expect(issueAll(&queue) == ["/1"])
        _ = queue.finish(first)
        #expect(issueAll(&queue) == ["authenticate"])
        queue.append(.single(pending(.exists(path: "/u"))), .urgent)
        #expect(issueAll(&queue) == [])
        _ = queue.finish(authentication)
        #expect(issueAll(&queue) == ["/u", "/2"])
    }

    @Test func whatWasUnderWayGoesFirst() {
        var queue = RequestQueue(limit: 10)
        queue.isOpen = true
        let read = pending(.exists(path: "/again"), retry: .withinRequestTimeout)
        queue.append(.single(read), .normal)
        _ = issueAll(&queue)
        queue.isOpen = false
        queue.append(.single(pending(.exists(path: "/new"))), .normal)
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
        let pendingRequests = (0..<3).map { pending(.exists(path: "/\($0)"), at: .seconds($0)) }
        let patient = pending(.exists(path: "/patient"), retry: .untilSessionEnds)
        queue.append(.single(patient), .normal)
        for pending in pendingRequests { queue.append(.single(pending), .normal) }
        #expect(queue.oldestSubmission == now)
        #expect(queue.expire(submittedBy: now + .seconds(1)).map(\.request.path) == ["/0", "/1"])
        #expect(queue.oldestSubmission == now + .seconds(2))
        #expect(queue.expire(submittedBy: now + .seconds(9)).count == 1)
        queue.isOpen = true
        #expect(issueAll(&queue) == ["/patient"])
    }

    @Test func drainsInOrder() {
        var queue = RequestQueue(limit: 10)
        queue.append(.single(pending(.exists(path: "/1"))), .normal)
        queue.append(.pipeline([pending(.exists(path: "/2")), pending(.exists(path: "/3"))]), .normal)
        queue.append(.single(pending(.exists(path: "/u"))), .urgent)
        #expect(queue.drainWaiting(includingUrgent: false).map(\.request.path) == ["/1", "/2", "/3"])
        #expect(queue.waitingCount == 1)
        #expect(queue.drainWaiting(includingUrgent: true).map(\.request.path) == ["/u"])
    }
}
