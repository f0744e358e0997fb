import Soak
import TestSupport
import Testing
import ZooKeeperTesting

/// Random calls from many tasks, with random cancellations, while connections are cut, delayed, frozen and refused and
/// sessions end. Then every call has returned, nothing is left behind, and no lock was held by two.
@Suite(.zooKeeperServer, .timeLimit(.minutes(10))) struct StormTests {
    @Test(arguments: Fuzz.seeds(Fuzz.factor == 1 ? 1 : 2 * Fuzz.factor))
    func nothingIsLeftBehind(_ seed: UInt64) async throws {
        let report = try await Storm(seed: seed).run(on: .required)
        #expect(report.violations == [], "seed \(seed)")
        // It was a storm, and not a calm.
        #expect(report.calls > 50 && report.stamps > 0 && report.connections > 3, "seed \(seed): \(report)")
        print("seed \(seed): \(report)")
    }

    @Test func inFineWeatherNothingFails() async throws {
        var storm = Storm(seed: Fuzz.seed)
        storm.calm = nil
        storm.duration = .seconds(2)
        let report = try await storm.run(on: .required)
        #expect(report.violations == [])
        let expected: Set = [
            "ok", "noNode", "nodeExists", "badVersion", "noChildrenForEphemerals", "notEmpty", "cancelled",
            "CancellationError", "lock.cancelled", "lock.timedOut", "lock.cancelled.cancelled",
        ]
        #expect(Set(report.codes.keys).subtracting(expected) == [], "\(report)")
        #expect(report.connections == storm.clients && report.stamps > 0, "\(report)")
    }
}
