// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper

/// The alarm of the timer thread, with a file descriptor and without.
@Suite(.timeLimit(.minutes(1))) struct AlarmTests {
    #if os(Linux)
    private static var alarms: [Alarm] { [Alarm(), Alarm(descriptor: -1)] }
    #else
    private static var alarms: [Alarm] { [Alarm()] }
    #endif

    /// Waits on a thread of its own, and says when that has returned.
    private func wait(for alarm: Alarm) -> Shared<ContinuousClock.Instant?> {
        let returned = Shared<ContinuousClock.Instant?>(nil)
        #expect(
            DetachedThread.start {
                alarm.wait()
                returned.withLock { $0 = .now }
            })
        return returned
    }

    @Test(arguments: 0..<alarms.count) func itRingsAtItsMomentAndNotBefore(_ number: Int) async throws {
        let alarm = Self.alarms[number]
        for _ in 0..<3 {
            let moment = Moment.now + .milliseconds(30)
            alarm.set(to: moment)
            let returned = wait(for: alarm)
            try await eventually("it rings") { returned.value != nil }
            let rang = try #require(returned.value)
            #expect(Moment(rang) >= moment)
        }
    }

    @Test(arguments: 0..<alarms.count) func anEarlierMomentEndsTheWait(_ number: Int) async throws {
        let alarm = Self.alarms[number]
        alarm.set(to: .now + .seconds(86_400))
        let returned = wait(for: alarm)
        alarm.set(to: .now)
        try await eventually("it rings") { returned.value != nil }
    }

    @Test(arguments: 0..<alarms.count) func aMomentThatIsPastRingsAtOnce(_ number: Int) async throws {
        let alarm = Self.alarms[number]
        alarm.set(to: .now - .seconds(10))
        let returned = wait(for: alarm)
        try await eventually("it rings") { returned.value != nil }
    }

    #if os(Linux)
    /// Other code in the process has closed the descriptor: the thread goes on, slowly.
    @Test func aDescriptorThatCannotBeReadDoesNotMakeItSpin() async throws {
        let alarm = Alarm(descriptor: 1 << 20)
        let moment = ContinuousClock.now + .milliseconds(500)
        let rounds = Shared(0)
        let isOver = Shared(false)
        #expect(
            DetachedThread.start {
                while ContinuousClock.now < moment {
                    alarm.wait()
                    rounds.withLock { $0 += 1 }
                }
                isOver.withLock { $0 = true }
            })
        try await eventually("the time is over") { isOver.value }
        // A slow machine makes fewer; one that spins, hundreds of thousands.
        #expect(rounds.value <= 51)
    }
    #endif
}
