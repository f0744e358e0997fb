// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// Times as text, for people.
package enum TimeText {
    /// A moment, to the second: `2026-11-29T03:00:00Z`.
    ///
    /// - Parameter milliseconds: Since 1970.
    package static func moment(_ milliseconds: Int64) -> String {
        let text = UTCTime(millisecondsSince1970: milliseconds).description
        return "\(text.prefix { $0 != "." })Z"
    }

    /// A length of time by its two largest units: `4m 10s`.
    package static func age(_ duration: Duration) -> String {
        let seconds = max(0, duration.components.seconds)
        let parts = [
            (seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s"),
        ]
        let first = parts.firstIndex { $0.0 > 0 } ?? parts.endIndex - 1
        return parts[first...].prefix(2).filter { $0.0 > 0 || $0.1 == parts[first].1 }.map { "\($0)\($1)" }
            .joined(separator: " ")
    }
}
