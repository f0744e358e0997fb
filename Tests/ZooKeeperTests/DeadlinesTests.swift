// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper

@Suite struct DeadlinesTests {
    /// A time-out of an hour that is cancelled at once is not kept for an hour.
    @Test func whatIsCancelledIsClearedAway() {
        let later = Moment.now + .seconds(3_600)
        for _ in 0..<10_000 { Deadlines.shared.schedule(at: later) {}.cancel() }
        #expect(Deadlines.shared.count < 5_000)
    }

    @Test func fireInTheirOrder() async throws {
        let fired = Shared<[Int]>([])
        // Scheduled on the timer's own thread: none of them can fire before all are there, however late it gets.
        Deadlines.shared.schedule(at: .now) {
            let now = Moment.now
            for (index, delay) in [30, 10, 20, -5].enumerated() {
                Deadlines.shared.schedule(at: now + .milliseconds(delay)) { fired.withLock { $0.append(index) } }
            }
        }
        try await eventually("all have fired") { fired.withLock { $0.count } == 4 }
        #expect(fired.value == [3, 1, 2, 0])
    }

    @Test func doNotFireEarlyNorWhenCancelled() async throws {
        let due = Moment.now + .milliseconds(50)
        let fired = Shared<Moment?>(nil)
        let cancelled = Deadlines.shared.schedule(at: due) { Issue.record("was cancelled") }
        cancelled.cancel()
        Deadlines.shared.schedule(at: due) { fired.withLock { $0 = .now } }
        try await eventually("it has fired") { fired.value != nil }
        #expect(try #require(fired.value) >= due)
    }
}
