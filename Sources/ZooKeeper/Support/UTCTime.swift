// SPDX-License-Identifier: Apache-2.0

/// A moment on the wall clock, for people: `2026-11-28T20:11:05.123Z`.
package struct UTCTime: Sendable, Hashable, CustomStringConvertible {
    package var millisecondsSince1970: Int64

    package init(millisecondsSince1970: Int64) { self.millisecondsSince1970 = millisecondsSince1970 }

    /// The moment of an instant, as the wall clock goes now.
    package init(_ instant: ContinuousClock.Instant) {
        let distance = ContinuousClock.now.duration(to: instant).wholeMilliseconds
        self.init(millisecondsSince1970: WallClock.milliseconds.addingReportingOverflow(distance).partialValue)
    }

    package var description: String {
        let day: Int64 = 86_400_000
        // Rounded down, also before 1970.
        let days = (millisecondsSince1970 >= 0 ? millisecondsSince1970 : millisecondsSince1970 - day + 1) / day
        let rest = millisecondsSince1970 - days * day
        let (year, month, dayOfMonth) = Self.date(daysSince1970: days)
        let time = [rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60].map { Self.padded($0, 2) }
        let date = [Self.padded(year, 4), Self.padded(month, 2), Self.padded(dayOfMonth, 2)]
        return "\(date.joined(separator: "-"))T\(time.joined(separator: ":")).\(Self.padded(rest % 1_000, 3))Z"
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// The date in the Gregorian calendar, by Howard Hinnant's `civil_from_days`: years that begin in March, in eras of 400.
    private static func date(daysSince1970: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = daysSince1970 + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        )
    }
}
