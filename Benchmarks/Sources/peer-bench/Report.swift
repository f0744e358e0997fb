// SPDX-License-Identifier: Apache-2.0

/// The result of a run.
struct Report: Sendable {
    var workload: Workload
    /// The latencies, in nanoseconds, in any order.
    var samples: [Int64]
    /// The number of cycles. The first handoff has no latency, so there may be fewer samples.
    var cycles: Int
    var nanoseconds: Int64
    var usage: ProcessUsage
    var violations: Int

    var line: String {
        let sorted = samples.sorted()
        func sample(at hundredths: Int) -> String {
            if sorted.isEmpty { return "0.0" }
            let sample = sorted[min(sorted.count - 1, sorted.count * hundredths / 100)]
            return Self.decimal((sample + 50) / 100, digits: 1)
        }
        let fields = [
            "\"peer\": \"swift\"",
            "\"workload\": \"\(workload.rawValue)\"",
            "\"ops\": \(cycles)",
            "\"seconds\": \(Self.decimal((nanoseconds + 500) / 1_000, digits: 6))",
            "\"p50_us\": \(sample(at: 50))",
            "\"p99_us\": \(sample(at: 99))",
            "\"max_us\": \(sample(at: 100))",
            "\"cpu_us\": \(usage.user + usage.system)",
            "\"user_us\": \(usage.user)",
            "\"system_us\": \(usage.system)",
            "\"switches\": \(usage.switches)",
            "\"violations\": \(violations)",
        ]
        return "{\(fields.joined(separator: ", "))}"
    }

    /// Formats a number that is given in units of its last decimal place.
    private static func decimal(_ units: Int64, digits: Int) -> String {
        let text = String(units)
        let padded = String(repeating: "0", count: max(0, digits + 1 - text.utf8.count)) + text
        return padded.dropLast(digits) + "." + padded.suffix(digits)
    }
}
