// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// All scenarios of the recipes, with a fault at every single message. Afterwards every call has returned, the queue is
/// empty, no two clients have held at the same time, and the lock can be acquired.
///
/// Normally a connection is cut, a caller cancelled and a message delayed at each message; silence and lost sessions,
/// which take longer, at some. `FAULT_POINTS=all` injects every fault at each.
@Suite(.zooKeeperServer, .timeLimit(.minutes(60))) struct FaultPointTests {
    private static let runsAll = environmentValue("FAULT_POINTS") == "all"

    @Test(arguments: Scenario.all) func nothingIsLeftBehind(_ scenario: Scenario) async throws {
        let server = try ZooKeeperServer.required
        let directory = try await server.makeDirectory()
        try await server.withClient(in: .root) { beside in
            let undisturbed = try await FaultPoint(scenario: scenario).run(
                beside: beside, on: server, path: directory.child("undisturbed"))
            #expect(undisturbed.violations.isEmpty)
            #expect(undisturbed.traffic.messages > 2)
            let points = points(of: scenario, undisturbed.traffic)
            try await run(points) { index, point in
                try await point.run(beside: beside, on: server, path: directory.child("\(index)"))
            }
            print("fault points: \(scenario): \(undisturbed.traffic.messages) messages, \(points.count) cases")
        }
    }

    /// The other server need not know yet, when the client connects to it, of the client's last writes.
    @Test func nothingIsLeftBehindWhenTheClientMovesToAnotherServer() async throws {
        try await Ensemble.withEnsemble { ensemble in
            let leader = try await ensemble.waitForLeader()
            let server = ensemble.servers[leader]
            let others = ensemble.servers.filter { $0 !== server }
            var configuration = try server.configuration
            configuration.sessionTimeout = .seconds(30)
            try await ZooKeeperClient.withClient(configuration) { beside in
                let directory: ZNodePath = "/cut"
                try await beside.create(directory)
                for (number, scenario) in Scenario.all.enumerated() {
                    let undisturbed = try await FaultPoint(scenario: scenario).run(
                        beside: beside, on: server, path: directory.child("\(number)-undisturbed"))
                    let actions: [FaultPoint.Action] = Self.runsAll ? [.cut, .lose, .freeze] : [.cut]
                    let points = actions.flatMap { action in
                        undisturbed.traffic.boundaries(of: action).map {
                            FaultPoint(
                                scenario: scenario, boundary: $0.number, point: $0.point, action: action,
                                recovery: .another)
                        }
                    }
                    try await run(points) { index, point in
                        try await point.run(
                            beside: beside, on: server, another: others[index % others.count],
                            path: directory.child("\(number)-\(index)"))
                    }
                    print("fault points, then by another server: \(scenario): \(points.count) cases")
                }
            }
        }
    }

    /// Runs several at once: most of the time each only waits.
    private func run(
        _ points: [FaultPoint], _ run: @escaping @Sendable (Int, FaultPoint) async throws -> FaultPoint.Report
    ) async throws {
        var faults: [String] = []
        try await withThrowingTaskGroup(of: (FaultPoint, FaultPoint.Report).self) { group in
            for (index, point) in points.enumerated() {
                if index >= (Self.runsAll ? 24 : 8), let (point, report) = try await group.next() {
                    faults += report.violations.map { "\(point): \($0)" }
                }
                group.addTask { (point, try await run(index, point)) }
            }
            for try await (point, report) in group { faults += report.violations.map { "\(point): \($0)" } }
        }
        #expect(faults.isEmpty, "\(faults.joined(separator: "\n"))")
    }

    private func points(of scenario: Scenario, _ traffic: Traffic) -> [FaultPoint] {
        var points: [FaultPoint] = []
        for action in FaultPoint.Action.allCases {
            let boundaries = traffic.boundaries(of: action)
            for (index, boundary) in boundaries.enumerated() {
                for recovery in [FaultPoint.Recovery.reconnect, .never] {
                    // Its caller is gone: the end of its session does not matter.
                    if action == .cancel, recovery == .never { continue }
                    // A moment's delay is over before a session is.
                    if action == .delay, recovery == .never { continue }
                    let isSlow = action == .lose || action == .freeze || recovery == .never
                    if isSlow, !Self.runsAll, index != boundaries.count / 2 { continue }
                    points.append(
                        FaultPoint(
                            scenario: scenario, boundary: boundary.number, point: boundary.point, action: action,
                            recovery: recovery))
                }
            }
        }
        return points
    }
}
