import Testing
import ZooKeeper

@Suite struct RequestGateTests {
    private let now = ContinuousClock.now

    private func reply(_ kind: Request.Kind, at time: Duration = .zero, retry: Reply.Retry = .never) -> Reply {
        Reply(Request(kind), submittedAt: now + time, retry: retry, delegate: nil)
    }

    /// Takes out and issues everything that may leave; the paths in order.
    private func issueAll(_ gate: inout RequestGate) -> [String] {
        var paths: [String] = []
        while let (entry, priority) = gate.next() {
            entry.forEach { reply in
                gate.issue(reply, priority, at: now)
                paths.append(reply.request.path ?? reply.request.name)
            }
        }
        return paths
    }

    @Test func nothingLeavesWithoutAConnection() {
        var gate = RequestGate(limit: 10)
        gate.append(.single(reply(.exists(path: "/a"))), .normal)
        gate.append(.single(reply(.exists(path: "/u"))), .urgent)
        #expect(issueAll(&gate) == [])
        gate.isOpen = true
        #expect(issueAll(&gate) == ["/u", "/a"])
    }

    @Test func urgentOnesPassWhenHeld() {
        var gate = RequestGate(limit: 10)
        gate.isOpen = true
        gate.isHeld = true
        gate.append(.single(reply(.exists(path: "/a"))), .normal)
        gate.append(.single(reply(.exists(path: "/u"))), .urgent)
        #expect(issueAll(&gate) == ["/u"])
        gate.isHeld = false
        #expect(issueAll(&gate) == ["/a"])
    }

    @Test func noMoreThanTheLimitAreUnderWay() {
        var gate = RequestGate(limit: 2)
        gate.isOpen = true
        let replies = (0..<4).map { reply(.exists(path: "/\($0)")) }
        for reply in replies { gate.append(.single(reply), .normal) }
        #expect(issueAll(&gate) == ["/0", "/1"])
        gate.append(.single(reply(.exists(path: "/u"))), .urgent)
        #expect(issueAll(&gate) == ["/u"], "urgent ones have room of their own")
        #expect(gate.settle(replies[1]) != nil)
        #expect(gate.settle(replies[1]) == nil)
        #expect(issueAll(&gate) == ["/2"])
    }

    @Test func aFlightLeavesAsAWhole() {
        var gate = RequestGate(limit: 3)
        gate.isOpen = true
        let single = reply(.exists(path: "/s"))
        gate.append(.single(single), .normal)
        gate.append(.flight((0..<3).map { reply(.exists(path: "/f\($0)")) }), .normal)
        gate.append(.single(reply(.exists(path: "/after"))), .normal)
        #expect(issueAll(&gate) == ["/s"], "and nobody passes it")
        _ = gate.settle(single)
        #expect(issueAll(&gate) == ["/f0", "/f1", "/f2"])
    }

    @Test func anAuthenticationGoesAlone() {
        var gate = RequestGate(limit: 10)
        gate.isOpen = true
        let first = reply(.exists(path: "/1"))
        let authentication = reply(.authenticate(.digest(user: "a", password: "b")))
        gate.append(.single(first), .normal)
        gate.append(.single(authentication), .normal)
        gate.append(.single(reply(.exists(path: "/2"))), .normal)
        #expect(issueAll(&gate) == ["/1"])
        _ = gate.settle(first)
        #expect(issueAll(&gate) == ["authenticate"])
        gate.append(.single(reply(.exists(path: "/u"))), .urgent)
        #expect(issueAll(&gate) == [])
        _ = gate.settle(authentication)
        #expect(issueAll(&gate) == ["/u", "/2"])
    }

    @Test func whatWasUnderWayGoesFirst() {
        var gate = RequestGate(limit: 10)
        gate.isOpen = true
        let read = reply(.exists(path: "/again"), retry: .withinRequestTimeout)
        gate.append(.single(read), .normal)
        _ = issueAll(&gate)
        gate.isOpen = false
        gate.append(.single(reply(.exists(path: "/new"))), .normal)
        guard let settled = gate.settle(read) else {
            Issue.record("not under way")
            return
        }
        gate.appendAgain(read, settled.priority)
        gate.isOpen = true
        #expect(issueAll(&gate) == ["/again", "/new"])
    }

    @Test func whatWaitsTooLongIsTakenOut() {
        var gate = RequestGate(limit: 10)
        let replies = (0..<3).map { reply(.exists(path: "/\($0)"), at: .seconds($0)) }
        let patient = reply(.exists(path: "/patient"), retry: .untilSessionEnds)
        gate.append(.single(patient), .normal)
        for reply in replies { gate.append(.single(reply), .normal) }
        #expect(gate.oldestSubmission == now)
        #expect(gate.expire(submittedBy: now + .seconds(1)).map(\.request.path) == ["/0", "/1"])
        #expect(gate.oldestSubmission == now + .seconds(2))
        #expect(gate.expire(submittedBy: now + .seconds(9)).count == 1)
        gate.isOpen = true
        #expect(issueAll(&gate) == ["/patient"])
    }

    @Test func drainsInOrder() {
        var gate = RequestGate(limit: 10)
        gate.append(.single(reply(.exists(path: "/1"))), .normal)
        gate.append(.flight([reply(.exists(path: "/2")), reply(.exists(path: "/3"))]), .normal)
        gate.append(.single(reply(.exists(path: "/u"))), .urgent)
        #expect(gate.drainWaiting(includingUrgent: false).map(\.request.path) == ["/1", "/2", "/3"])
        #expect(gate.waitingCount == 1)
        #expect(gate.drainWaiting(includingUrgent: true).map(\.request.path) == ["/u"])
    }
}
