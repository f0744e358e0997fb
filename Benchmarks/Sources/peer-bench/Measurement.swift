// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The measured period of a run, which all its loops share: cycles count that *end* between ``begin()`` and ``end()``.
final class Measurement: Sendable {
    private enum Phase {
        static let warmUp = 0
        static let measuring = 1
        static let over = 2
    }

    private struct Span {
        var began = (at: Int64(0), usage: ProcessUsage())
        var ended = (at: Int64(0), usage: ProcessUsage())
    }

    private let workload: Workload
    private let warmup: Duration
    private let seconds: Duration
    /// Indicates whether the run ends after a number of cycles, and not after a time.
    private let isCounted: Bool
    private let phase = Atomic(Phase.warmUp)
    private let cyclesLeft: Atomic<Int>
    private let span = Mutex(Span())

    init(_ options: Options) {
        // Copied here: reading a parsed option is too slow for the loops.
        self.workload = options.workload
        self.warmup = .seconds(options.warmup)
        self.seconds = .seconds(options.seconds)
        self.isCounted = options.ops > 0
        self.cyclesLeft = Atomic(options.ops)
    }

    var isMeasuring: Bool { phase.load(ordering: .relaxed) == Phase.measuring }
    var beganAt: Int64 { span.withLock { $0.began.at } }

    func begin() {
        span.withLock { $0.began = (monotonicNanoseconds(), .soFar()) }
        phase.store(Phase.measuring, ordering: .releasing)
    }

    func end() {
        phase.store(Phase.over, ordering: .releasing)
        span.withLock { $0.ended = (monotonicNanoseconds(), .soFar()) }
    }

    /// Returns whether a loop may begin another cycle, and counts it.
    func mayStartCycle() -> Bool {
        if isCounted { return cyclesLeft.subtract(1, ordering: .relaxed).newValue >= 0 }
        return phase.load(ordering: .relaxed) != Phase.over
    }

    /// Runs `count` loops at once, each in a task of its own with its number, through the warm-up and the measured
    /// period.
    ///
    /// - Returns: The sum of their counts.
    func run(_ count: Int, _ loop: @escaping @Sendable (Int) async throws -> Tally) async throws -> Tally {
        try await withThrowingTaskGroup(of: Tally.self) { group in
            if isCounted {
                begin()
            } else {
                group.addTask { [self] in
                    try await Task.sleep(for: warmup)
                    begin()
                    try await Task.sleep(for: seconds)
                    end()
                    return Tally()
                }
            }
            for index in 0..<count { group.addTask { try await loop(index) } }
            var all = Tally()
            for try await tally in group { all.add(tally) }
            if isCounted { end() }
            return all
        }
    }

    /// Makes the report.
    ///
    /// - Parameter nanoseconds: The measured time; `nil`: that from ``begin()`` to ``end()``.
    func report(_ tally: Tally, nanoseconds: Int64? = nil, violations: Int = 0) -> Report {
        let span = span.withLock { $0 }
        return Report(
            workload: workload, samples: tally.samples, cycles: tally.cycles,
            nanoseconds: nanoseconds ?? span.ended.at - span.began.at,
            usage: span.ended.usage - span.began.usage, violations: violations)
    }
}

/// The counts of one loop.
struct Tally: Sendable {
    var cycles = 0
    /// The latencies, in nanoseconds.
    var samples: [Int64] = []

    mutating func add(_ other: Tally) {
        cycles += other.cycles
        samples += other.samples
    }

    /// Counts a cycle that ends now, if it ends within the measured period.
    mutating func cycleEnded(in measurement: Measurement, since start: Int64) {
        guard measurement.isMeasuring else { return }
        cycles += 1
        samples.append(monotonicNanoseconds() - start)
    }
}
