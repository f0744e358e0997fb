// SPDX-License-Identifier: Apache-2.0

import CZooKeeper

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A moment on the clock that goes on while the machine is suspended, in nanoseconds.
///
/// It is that of `ContinuousClock`, whose instants count attoseconds in 128 bits: more than it takes where every request
/// looks at the time. Sums that are too large stay at the largest moment there is.
@usableFromInline
package struct Moment: Sendable, Hashable, Comparable {
    /// Since some moment that is the same for the whole process.
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static var now: Moment {
        var time = timespec()
        // The pointer lives for the call only.
        #if os(Linux)
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        #else
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        #endif
        return Moment(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    package static func + (moment: Moment, duration: Duration) -> Moment { moment.advanced(by: duration.nanoseconds) }

    package static func - (moment: Moment, duration: Duration) -> Moment { moment.advanced(by: -duration.nanoseconds) }

    @usableFromInline
    package static func < (left: Moment, right: Moment) -> Bool { left.nanoseconds < right.nanoseconds }

    package func advanced(by nanoseconds: Int64) -> Moment {
        let (sum, isTooLarge) = self.nanoseconds.addingReportingOverflow(nanoseconds)
        return Moment(nanoseconds: isTooLarge ? (nanoseconds < 0 ? .min : .max) : sum)
    }

    /// The time from here to `other`; negative if that is earlier.
    package func duration(to other: Moment) -> Duration {
        .nanoseconds(other.nanoseconds.subtractingReportingOverflow(nanoseconds).partialValue)
    }
}

extension Moment {
    /// A pair of equal moments, as close as two looks at the clock can be. What the first look is late makes instants
    /// earlier, never later: deadlines are made of them.
    private static let anchor: (moment: Moment, instant: ContinuousClock.Instant) = {
        var best = (moment: Moment.now, instant: ContinuousClock.now, gap: Int64.max)
        for _ in 0..<16 {
            let before = Moment.now
            let instant = ContinuousClock.now
            let after = Moment.now
            let gap = after.nanoseconds - before.nanoseconds
            if gap < best.gap { best = (after, instant, gap) }
        }
        return (best.moment, best.instant)
    }()

    @usableFromInline
    package init(_ instant: ContinuousClock.Instant) {
        self = Self.anchor.moment + Self.anchor.instant.duration(to: instant)
    }

    /// The same moment, for callers.
    package var instant: ContinuousClock.Instant { Self.anchor.instant + Self.anchor.moment.duration(to: self) }
}

extension Duration {
    /// In nanoseconds, rounded towards zero; the largest number there is for what is longer.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, isTooLarge) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if isTooLarge { return seconds < 0 ? -.max : .max }
        let (sum, isStillTooLarge) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return isStillTooLarge ? (seconds < 0 ? -.max : .max) : sum
    }
}
