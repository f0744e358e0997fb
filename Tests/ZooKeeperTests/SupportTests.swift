import TestSupport
import Testing
import ZooKeeper

@Suite struct PromiseTests {
    @Test func everybodyGetsTheFirstValue() async {
        let promise = Promise<Int>()
        let heard = Shared<[Int]>([])
        promise.whenFulfilled { value in heard.withLock { $0.append(value) } }
        async let early = promise.wait()
        #expect(promise.fulfil(1))
        #expect(!promise.fulfil(2))
        promise.whenFulfilled { value in heard.withLock { $0.append(value * 10) } }
        for wait in [await early, await promise.wait()] {
            guard case .value(1) = wait else {
                Issue.record("\(wait)")
                return
            }
        }
        #expect(heard.value == [1, 10])
        #expect(promise.current == 1)
    }

    @Test func aWaitEndsAtItsDeadline() async {
        let promise = Promise<Int>()
        guard case .timedOut = await promise.wait(until: .now + .milliseconds(10)) else {
            Issue.record("not timed out")
            return
        }
        guard case .timedOut = await promise.wait(until: .now - .seconds(1)) else {
            Issue.record("not timed out")
            return
        }
        promise.fulfil(1)
        guard case .value(1) = await promise.wait(until: .now - .seconds(1)) else {
            Issue.record("a value that is there is had at any time")
            return
        }
    }

    @Test func aWaitEndsWithItsTaskUnlessShielded() async {
        let promise = Promise<Int>()
        let task = Task { await promise.wait() }
        let shielded = Task { await promise.wait(isShielded: true) }
        task.cancel()
        shielded.cancel()
        guard case .cancelled = await task.value else {
            Issue.record("not cancelled")
            return
        }
        promise.fulfil(3)
        guard case .value(3) = await shielded.value else {
            Issue.record("not shielded")
            return
        }
    }

    @Test func aCallbackCanBeForgotten() {
        let promise = Promise<Int>()
        let heard = Shared(0)
        let id = promise.whenFulfilled { value in heard.withLock { $0 += value } }
        promise.whenFulfilled { value in heard.withLock { $0 += value * 10 } }
        promise.forget(id)
        promise.fulfil(1)
        #expect(heard.value == 10)
    }
}

@Suite struct NoticesTests {
    @Test func areDeliveredInOrderAndNotNested() {
        let notices = Notices<Int>()
        let heard = Shared<[Int]>([])
        let depth = Shared(0)
        notices.post([1, 2])
        notices.deliver { notice in
            depth.withLock {
                $0 += 1
                #expect($0 == 1)
            }
            heard.withLock { $0.append(notice) }
            if notice < 3 {
                notices.post([notice + 10])
                notices.deliver { _ in Issue.record("delivered from within") }
            }
            depth.withLock { $0 -= 1 }
        }
        #expect(heard.value == [1, 2, 11, 12])
    }

    @Test func noneIsLostBetweenThreads() async {
        let notices = Notices<Int>()
        let heard = Shared<[Int: [Int]]>([:])
        await withTaskGroup(of: Void.self) { group in
            for sender in 0..<8 {
                group.addTask {
                    for index in 0..<500 {
                        notices.post([sender * 1_000 + index])
                        notices.deliver { notice in
                            heard.withLock { $0[notice / 1_000, default: []].append(notice % 1_000) }
                        }
                    }
                }
            }
        }
        for sender in 0..<8 { #expect(heard.withLock { $0[sender] } == Array(0..<500)) }
    }
}

@Suite struct DeadlinesTests {
    /// A time-out of an hour that is cancelled at once is not kept for an hour.
    @Test func whatIsCancelledIsClearedAway() {
        let later = ContinuousClock.now + .seconds(3_600)
        for _ in 0..<10_000 { Deadlines.shared.schedule(at: later) {}.cancel() }
        #expect(Deadlines.shared.count < 5_000)
    }

    @Test func fireInTheirOrder() async throws {
        let fired = Shared<[Int]>([])
        // Scheduled on the timer's own thread: none of them can fire before all are there, however late it gets.
        Deadlines.shared.schedule(at: .now) {
            let now = ContinuousClock.now
            for (index, delay) in [30, 10, 20, -5].enumerated() {
                Deadlines.shared.schedule(at: now + .milliseconds(delay)) { fired.withLock { $0.append(index) } }
            }
        }
        try await eventually("all have fired") { fired.withLock { $0.count } == 4 }
        #expect(fired.value == [3, 1, 2, 0])
    }

    @Test func doNotFireEarlyNorWhenCancelled() async throws {
        let due = ContinuousClock.now + .milliseconds(50)
        let fired = Shared<ContinuousClock.Instant?>(nil)
        let cancelled = Deadlines.shared.schedule(at: due) { Issue.record("was cancelled") }
        cancelled.cancel()
        Deadlines.shared.schedule(at: due) { fired.withLock { $0 = .now } }
        try await eventually("it has fired") { fired.value != nil }
        #expect(try #require(fired.value) >= due)
    }
}

@Suite struct BackoffTests {
    @Test func doublesUpToItsMaximum() {
        let backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(1))
        #expect(backoff.delay(beforeAttempt: 0) == .zero)
        for (attempt, full) in [(1, 100), (2, 200), (4, 800), (5, 1_000), (1_000, 1_000)] {
            for _ in 0..<50 {
                let delay = backoff.delay(beforeAttempt: attempt)
                #expect(delay >= .milliseconds(full) / 2)
                #expect(delay <= .milliseconds(full))
            }
        }
    }
}

@Suite struct StatesTests {
    @Test func aSlowConsumerGetsTheNewest() async {
        let feed = LatestValue(SessionState.connecting)
        let states = SessionStates(feed)
        var iterator = states.makeAsyncIterator()
        #expect(await iterator.next() == .connecting)
        feed.send(.connected(SessionID(rawValue: 1)), isLast: false)
        feed.send(.overdue(SessionID(rawValue: 1)), isLast: false)
        #expect(await iterator.next() == .overdue(SessionID(rawValue: 1)))
        feed.send(.closed, isLast: true)
        feed.send(.connecting, isLast: false)
        #expect(await iterator.next() == .closed)
        #expect(await iterator.next() == nil)
        var late = states.makeAsyncIterator()
        #expect(await late.next() == .closed)
        #expect(await late.next() == nil)
    }

    @Test func endsWhenItsTaskIsCancelled() async {
        let feed = LatestValue(SessionState.connecting)
        let task = Task {
            var count = 0
            for await _ in SessionStates(feed) { count += 1 }
            return count
        }
        task.cancel()
        #expect(await task.value <= 1)
    }
}
