import CZooKeeper
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What the timer thread sleeps by.
///
/// On Linux a `timerfd` on the boot-time clock, which counts suspend and which other threads can set while the thread
/// waits. Elsewhere a condition variable that is looked at once a second at the latest.
final class Alarm: Sendable {
    #if os(Linux)
    private let descriptor = timerfd_create(CLOCK_BOOTTIME, Int32(TFD_CLOEXEC))

    /// Ends the current or the next `wait()` at `instant`.
    func set(to instant: ContinuousClock.Instant) {
        // Never zero: that would disarm the timer.
        let delay = max(ContinuousClock.now.duration(to: instant), .nanoseconds(1))
        let (seconds, attoseconds) = delay.components
        var time = itimerspec()
        time.it_value.tv_sec = Int(seconds)
        time.it_value.tv_nsec = Int(attoseconds / 1_000_000_000)
        // The pointers live for the call only.
        unsafe timerfd_settime(descriptor, 0, &time, nil)
    }

    /// Blocks the calling thread until the moment that was set.
    func wait() {
        var expirations: UInt64 = 0
        // An interrupted read returns early; the caller looks at the clock itself.
        unsafe read(descriptor, &expirations, MemoryLayout<UInt64>.size)
    }
    #else
    private let instant = Mutex<ContinuousClock.Instant?>(nil)

    func set(to instant: ContinuousClock.Instant) {
        self.instant.withLock { $0 = instant }
    }

    func wait() {
        while true {
            let left = instant.withLock { instant in
                let left = instant.map { ContinuousClock.now.duration(to: $0) } ?? .seconds(1)
                // Once for each moment that is set.
                if left <= .zero { instant = nil }
                return left
            }
            if left <= .zero { return }
            usleep(UInt32(min(left, .milliseconds(10)) / .microseconds(1)))
        }
    }
    #endif
}
