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
            #expect(undisturbed.messages > 2)
            let cuts = cuts(of: situation, messages: undisturbed.messages)
            // Several at once: most of the time each only waits.
            var faults: [String] = []
            try await withThrowingTaskGroup(of: (Cut, Cut.Outcome).self) { group in
                for (index, cut) in cuts.enumerated() {
                    if index >= (Self.playsAll ? 24 : 8), let (cut, outcome) = try await group.next() {
                        faults += outcome.faults.map { "\(cut): \($0)" }
                    }
                    group.addTask {
                        (cut, try await cut.play(beside: beside, on: server, path: directory.child("\(index)")))
                    }
                }
                for try await (cut, outcome) in group { faults += outcome.faults.map { "\(cut): \($0)" } }
            }
            #expect(faults.isEmpty, "\(faults.joined(separator: "\n"))")
            print("cut everywhere: \(situation): \(undisturbed.messages) messages, \(cuts.count) cases")
        }
    }

    private func cuts(of situation: Situation, messages: Int) -> [Cut] {
        var cuts: [Cut] = []
        for boundary in 1...messages {
            for action in Cut.Action.allCases {
                for recovery in Cut.Recovery.allCases {
                    // Its caller is gone: what becomes of its session is nobody's question.
                    if action == .cancel, recovery == .never { continue }
                    // A moment's delay is over before a session is.
                    if action == .delay, recovery == .never { continue }
                    let isSlow = action == .lose || action == .freeze || recovery == .never
                    if isSlow, !Self.playsAll, boundary != messages / 2 { continue }
                    cuts.append(Cut(situation: situation, boundary: boundary, action: action, recovery: recovery))
                }
            }
        }
        return cuts
    }
}
