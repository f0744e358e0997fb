// SPDX-License-Identifier: Apache-2.0

import Soak
import TestSupport
import Testing
import ZooKeeperTesting

/// Random calls from many tasks, with random cancellations, while connections are cut, delayed, frozen and refused and
/// sessions end. Then every call has returned, nothing is left behind, and no lock was held by two.
@Suite(.zooKeeperServer, .timeLimit(.minutes(10))) struct StressTests {
    @Test(arguments: Fuzz.seeds(Fuzz.factor == 1 ? 1 : 2 * Fuzz.factor))
    func nothingIsLeftBehind(_ seed: UInt64) async throws {
        let report = try await StressRun(seed: seed).run(on: .required)
        #expect(report.violations == [], "seed \(seed)")
        // Faults have hit, and calls have got through.
        #expect(report.calls > 50 && report.stamps > 0 && report.connections > 3, "seed \(seed): \(report)")
        print("seed \(seed): \(report)")
    }

    @Test func withoutFaultsNothingFails() async throws {
        var run = StressRun(seed: Fuzz.seed)
        run.maximumPause = nil
        run.duration = .seconds(2)
        let report = try await run.run(on: .required)
        #expect(report.violations == [])
        let expected: Set = [
            "ok", "noNode", "nodeExists", "badVersion", "noChildrenForEphemerals", "notEmpty", "cancelled",
            "CancellationError", "lock.cancelled", "lock.timedOut", "lock.cancelled.cancelled",
            // The time was up before the servers had answered.
            "lock.timedOut.timedOut",
        ]
        #expect(Set(report.codes.keys).subtracting(expected) == [], "\(report)")
        #expect(report.connections == run.clients && report.stamps > 0, "\(report)")
    }
}
