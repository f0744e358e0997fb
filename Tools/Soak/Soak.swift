// SPDX-License-Identifier: Apache-2.0

import TestSupport
import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Runs one long stress run in one process, whose memory must not grow: `Soak [MINUTES]`.
///
/// Prints a line a minute, at the end the slope of the resident memory over the second half, and a verdict. The first
/// half does not count: until then buffers, threads and the allocator grow to what the load needs.
@main struct Soak {
    /// The highest slope that passes, in KiB a minute. A leak at each call, or at each reconnect, is far above it.
    static let bound = 100.0

    static func main() async throws {
        let minutes = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 10
        let memory = Shared<[(minute: Double, kibibytes: Double)]>([])
        let sampler = Task {
            let start = ContinuousClock.now
            while !Task.isCancelled {
                let minute = start.duration(to: .now) / .seconds(60)
                if let resident = residentKibibytes() { memory.withLock { $0.append((minute, resident)) } }
                try? await Task.sleep(for: .seconds(2))
            }
        }
        var run = StressRun(seed: UInt64(environmentValue("FUZZ_SEED") ?? "") ?? 1)
        run.duration = .seconds(60 * minutes)
        run.maximumPause = .seconds(2)
        let report = try await ZooKeeperServer.withServer { server in
            try await run.run(on: server) { minute, report in
                say("minute \(minute): \(Int(residentKibibytes() ?? 0)) KiB resident, \(Self.summary(report))")
                // After the last minute come the final checks, which need other memory.
                if minute == minutes { sampler.cancel() }
            }
        }
        say("in all: \(summary(report)), \(report.stamps) writes under a lock; \(report.codes)")
        for violation in report.violations { say("VIOLATION: \(violation)") }
        let samples = memory.value
        let half = samples.filter { $0.minute >= Double(minutes) / 2 }
        let slope = slope(half)
        say("second half: \(half.count) samples, slope \(oneDigit(slope)) KiB/min, bound \(bound)")
        let isFlat = slope < bound
        say(
            "\(isFlat ? "FLAT" : "GROWING"): resident memory; "
                + (report.violations.isEmpty ? "nothing left behind" : "\(report.violations.count) violations"))
        exit(isFlat && report.violations.isEmpty ? 0 : 1)
    }

    private static func summary(_ report: StressRun.Report) -> String {
        "\(report.calls) calls, \(report.connections) connections, \(report.expiries) expiries, "
            + "\(report.violations.count) violations"
    }

    /// The slope by least squares, in KiB a minute.
    private static func slope(_ samples: [(minute: Double, kibibytes: Double)]) -> Double {
        let count = Double(samples.count)
        let x = samples.reduce(0) { $0 + $1.minute } / count
        let y = samples.reduce(0) { $0 + $1.kibibytes } / count
        let products = samples.reduce(0) { $0 + ($1.minute - x) * ($1.kibibytes - y) }
        return products / samples.reduce(0) { $0 + ($1.minute - x) * ($1.minute - x) }
    }

    /// The resident memory of this process: the second number of `/proc/self/statm`, which is in pages.
    private static func residentKibibytes() -> Double? {
        let numbers = try? readFile("/proc/self/statm").split(separator: " ")
        guard let numbers, numbers.count > 1, let pages = Double(numbers[1]) else { return nil }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE))) / 1_024
    }

    private static func oneDigit(_ number: Double) -> Double { (number * 10).rounded() / 10 }

    private static func say(_ line: String) {
        print(line)
        fflush(nil)
    }
}
