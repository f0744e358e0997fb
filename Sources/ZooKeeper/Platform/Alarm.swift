// SPDX-License-Identifier: Apache-2.0

import CZooKeeper
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Wakes the timer thread.
///
/// On Linux it is a `timerfd` on the boot-time clock, which counts suspend and which other threads can set while the
/// thread waits. Elsewhere, and in a process that has no file descriptor left when the first timer is set, it is a
/// moment that the thread looks at every ten milliseconds.
package final class Alarm: Sendable {
    #if os(Linux)
    private let descriptor: Int32
    private let polled = PolledAlarm()

    package init(descriptor: Int32 = timerfd_create(CLOCK_BOOTTIME, Int32(TFD_CLOEXEC))) {
        self.descriptor = descriptor
    }

    /// Ends the current or the next `wait()` at `moment`.
    package func set(to moment: Moment) {
        guard descriptor >= 0 else { return polled.set(to: moment) }
        // Never zero: that would disarm the timer. Nor so long that the kernel cannot count it: the thread looks again.
        let day: Int64 = 86_400 * 1_000_000_000
        let delay = min(max(moment.nanoseconds - Moment.now.nanoseconds, 1), day)
        var time = itimerspec()
        time.it_value.tv_sec = Int(delay / 1_000_000_000)
        time.it_value.tv_nsec = Int(delay % 1_000_000_000)
        // The pointers live for the call only.
        unsafe timerfd_settime(descriptor, 0, &time, nil)
    }

    /// Blocks the calling thread until the moment that was set.
    package func wait() {
        guard descriptor >= 0 else { return polled.wait() }
        var expirations: UInt64 = 0
        // An interrupted read returns early; the caller looks at the clock itself. If it cannot be read at all, for
        // example because other code has closed a descriptor that was not its own, the thread must not spin.
        let count = unsafe read(descriptor, &expirations, MemoryLayout<UInt64>.size)
        if count < 0, errno != EINTR { usleep(10_000) }
    }
    #else
    private let polled = PolledAlarm()

    package init() {}

    package func set(to moment: Moment) { polled.set(to: moment) }

    package func wait() { polled.wait() }
    #endif
}

/// A moment that is looked at again and again.
private final class PolledAlarm: Sendable {
    private let moment = Mutex<Moment?>(nil)

    func set(to moment: Moment) {
        self.moment.withLock { $0 = moment }
    }

    func wait() {
        while true {
            let left = moment.withLock { moment in
                let left = moment.map { Moment.now.duration(to: $0) } ?? .seconds(1)
                // Once for each moment that is set.
                if left <= .zero { moment = nil }
                return left
            }
            if left <= .zero { return }
            usleep(UInt32(min(left, .milliseconds(10)) / .microseconds(1)))
        }
    }
}
