import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// Everything that recipes do, with something going wrong at every single message of it. Afterwards every call has returned,
/// nobody is left in line, nobody was inside together with another, and the lock is to be had.
///
/// Normally a connection is cut, a caller cancelled and a message delayed at each message; silence and lost sessions, which
/// take their time, at some. `CUT_EVERYWHERE=all` plays everything.
@Suite(.zooKeeperServer, .timeLimit(.minutes(60))) struct CutEverywhereTests {
    private static let playsAll = environmentValue("CUT_EVERYWHERE") == "all"

    @Test(arguments: Situation.all) func nothingIsLeftBehind(_ situation: Situation) async throws {
        let server = try ZooKeeperServer.required
        let directory = try await server.makeDirectory()
        try await server.withClient(in: .root) { beside in
            let undisturbed = try await Cut(situation: situation).play(
                beside: beside, on: server, path: directory.child("undisturbed"))
            #expect(undisturbed.faults.isEmpty)
            #expect(undisturbed.traffic.messages > 2)
            let cuts = cuts(of: situation, undisturbed.traffic)
            try await play(cuts) { index, cut in
                try await cut.play(beside: beside, on: server, path: directory.child("\(index)"))
            }
            print("cut everywhere: \(situation): \(undisturbed.traffic.messages) messages, \(cuts.count) cases")
        }
    }

    /// What the client did by one server, the other need not know yet when it comes there.
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
                for (number, situation) in Situation.all.enumerated() {
                    let undisturbed = try await Cut(situation: situation).play(
                        beside: beside, on: server, path: directory.child("\(number)-undisturbed"))
                    let actions: [Cut.Action] = Self.playsAll ? [.cut, .lose, .freeze] : [.cut]
                    let cuts = actions.flatMap { action in
                        undisturbed.traffic.boundaries(of: action).map {
                            Cut(
                                situation: situation, boundary: $0.number, point: $0.point, action: action,
                                recovery: .another)
                        }
                    }
                    try await play(cuts) { index, cut in
                        try await cut.play(
                            beside: beside, on: server, another: others[index % others.count],
                            path: directory.child("\(number)-\(index)"))
                    }
                    print("cut everywhere, then by another server: \(situation): \(cuts.count) cases")
                }
            }
        }
    }

    /// Several at once: most of the time each only waits.
    private func play(
        _ cuts: [Cut], _ play: @escaping @Sendable (Int, Cut) async throws -> Cut.Outcome
    ) async throws {
        var faults: [String] = []
        try await withThrowingTaskGroup(of: (Cut, Cut.Outcome).self) { group in
            for (index, cut) in cuts.enumerated() {
                if index >= (Self.playsAll ? 24 : 8), let (cut, outcome) = try await group.next() {
                    faults += outcome.faults.map { "\(cut): \($0)" }
                }
                group.addTask { (cut, try await play(index, cut)) }
            }
            for try await (cut, outcome) in group { faults += outcome.faults.map { "\(cut): \($0)" } }
        }
        #expect(faults.isEmpty, "\(faults.joined(separator: "\n"))")
    }

    private func cuts(of situation: Situation, _ traffic: Traffic) -> [Cut] {
        var cuts: [Cut] = []
        for action in Cut.Action.allCases {
            let boundaries = traffic.boundaries(of: action)
            for (index, boundary) in boundaries.enumerated() {
                for recovery in [Cut.Recovery.reconnect, .never] {
                    // Its caller is gone: what becomes of its session is nobody's question.
                    if action == .cancel, recovery == .never { continue }
                    // A moment's delay is over before a session is.
                    if action == .delay, recovery == .never { continue }
                    let isSlow = action == .lose || action == .freeze || recovery == .never
                    if isSlow, !Self.playsAll, index != boundaries.count / 2 { continue }
                    cuts.append(
                        Cut(
                            situation: situation, boundary: boundary.number, point: boundary.point, action: action,
                            recovery: recovery))
                }
            }
        }
        return cuts
    }
}
