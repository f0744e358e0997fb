// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper

@Suite struct MomentTests {
    @Test func isThatOfTheContinuousClock() {
        let before = ContinuousClock.now
        let moment = Moment.now
        let after = ContinuousClock.now
        // The two clocks are read one after the other when the process starts; that far apart they may stay.
        let tolerance = Duration.milliseconds(100)
        #expect(moment.instant >= before - tolerance && moment.instant <= after + tolerance)
        #expect(Moment(moment.instant) == moment, "there and back")
    }

    @Test func sumsDoNotOverflow() {
        let century = Duration.seconds(3_155_760_000)
        let late = Moment.now + century + century + century + century
        #expect(late == Moment(nanoseconds: .max))
        #expect(late > Moment.now)
        #expect(Moment(nanoseconds: .min) - century == Moment(nanoseconds: .min))
        #expect(Duration.seconds(Int64.max).nanoseconds == .max)
        #expect(Duration.seconds(Int64.min).nanoseconds == -.max)
    }

    @Test(arguments: [Duration.zero, .nanoseconds(1), .milliseconds(-3), .seconds(9), .seconds(86_400)])
    func durationsAreExact(_ duration: Duration) {
        let now = Moment.now
        #expect(now.duration(to: now + duration) == duration)
        #expect((now + duration) - duration == now)
    }
}
