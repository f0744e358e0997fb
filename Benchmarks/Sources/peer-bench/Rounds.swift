// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// Counts whole rounds: as many as contain `ops` cycles, or as fit into the measured time, at least one.
struct Rounds {
    private let options: Options
    private let cyclesPerRound: Int
    private var count = 0
    private let startedAt = monotonicNanoseconds()

    init(_ options: Options, cyclesPerRound: Int) {
        self.options = options
        self.cyclesPerRound = cyclesPerRound
    }

    mutating func mayStart(in measurement: Measurement) -> Bool {
        let now = monotonicNanoseconds()
        if options.ops > 0 {
            if count * cyclesPerRound >= options.ops { return false }
        } else if measurement.isMeasuring, Double(now - measurement.beganAt) >= options.seconds * 1e9 {
            return false
        }
        let isWarm = options.ops > 0 || Double(now - startedAt) >= options.warmup * 1e9
        if isWarm, !measurement.isMeasuring { measurement.begin() }
        count += 1
        return true
    }
}

/// Waits until `length` contenders are in the queue and watch their predecessors.
func waitForQueue(of length: Int, at path: ZNodePath, _ client: ZooKeeperClient, _ options: Options) async throws {
    guard options.ops == 0 else {
        // If requests are counted, this one should not be among them.
        try await Task.sleep(for: .milliseconds(max(1_000, 5 * length)))
        return
    }
    while try await client.children(of: path).names.count < length {
        try await Task.sleep(for: .milliseconds(20))
    }
    // Time for the last contenders to set their watches.
    try await Task.sleep(for: .milliseconds(300))
}
