// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// A length of time as users write it: seconds (`30`, `0.5`), or numbers with units (`90s`, `10m`, `1h30m`, `2d`, `500ms`).
package struct TimeSpan: ExpressibleByArgument, Sendable, Hashable {
    package var duration: Duration

    /// Fails for anything else, for negative numbers, and for more than thirty years.
    package init?(argument: String) {
        guard let duration = Self.parse(argument) else { return nil }
        self.duration = duration
    }

    package init(_ duration: Duration) { self.duration = duration }

    package var defaultValueDescription: String { "\(duration / .seconds(1))" }

    private static let units: [(name: Substring, seconds: Double)] = [
        ("ms", 0.001), ("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400),
    ]
    private static let limit = 1e9

    private static func parse(_ text: String) -> Duration? {
        if let seconds = number(text[...]) { return duration(seconds) }
        var rest = text[...]
        var seconds = 0.0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest[digits.endIndex...]
            let name = rest.prefix { $0.isLetter }
            rest = rest[name.endIndex...]
            guard let value = number(digits), let unit = units.first(where: { $0.name == name }) else { return nil }
            seconds += value * unit.seconds
        }
        return duration(seconds)
    }

    /// Only digits and a point: `Double` also reads `nan`, `0x1p3` and `1e5`.
    private static func number(_ text: Substring) -> Double? {
        guard text.contains(where: \.isNumber), text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }) else {
            return nil
        }
        return Double(text)
    }

    private static func duration(_ seconds: Double) -> Duration? {
        seconds <= limit ? .nanoseconds(Int64(seconds * 1e9)) : nil
    }
}
