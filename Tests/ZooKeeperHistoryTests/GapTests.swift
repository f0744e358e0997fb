// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeperHistory

/// The bands that tell why none holds, as the page shows them.
@Suite struct GapTests {
    private typealias Event = HistoryEvent

    /// c0 holds from 1 s to 2 s and c1 from 8 s to 9 s, for which it waits from 1.5 s on.
    private func page(_ further: [Event], former: Event.Kind = .bodyEnded(operation: "a")) -> String {
        func event(_ seconds: Double, _ process: String, _ kind: Event.Kind) -> Event {
            Event(at: Int64(seconds * 1_000_000), process: process, kind)
        }
        let events = [
            event(0, "c0", .began(detail: "")), event(0, "c1", .began(detail: "")),
            event(0.9, "c0", .invoked(operation: "a", .lock)),
            event(1, "c0", .granted(operation: "a", token: "1", node: "n1")),
            event(1.5, "c1", .invoked(operation: "b", .lock)),
            event(2, "c0", former),
            event(8, "c1", .granted(operation: "b", token: "2", node: "n2")),
            event(9, "c1", .bodyEnded(operation: "b")),
            event(9.1, "c1", .returned(operation: "b", outcome: "done")),
        ]
        let history = History(events + further)
        return HistoryTimeline(history, HistoryChecker(history).check()).page
    }

    private func event(_ seconds: Double, _ process: String, _ kind: Event.Kind) -> Event {
        Event(at: Int64(seconds * 1_000_000), process: process, kind)
    }

    /// The texts of the bands, without their times.
    private func reasons(_ page: String) -> [String] {
        page.split(separator: "<title>no process holds, some wait").dropFirst().compactMap { part in
            part.split(separator: "</title>").first.map { text in
                text.split(separator: "&#10;").dropFirst().joined(separator: " ")
            }
        }
    }

    @Test func aReasonThatIsNotKnownIsNotGuessed() {
        #expect(reasons(page([])) == ["the history does not tell why"])
        // Neither a fault of another process nor one that is over is a reason.
        let others = [
            event(3, "c2", .faultBegan(number: 1, .freezeClient)), event(7, "c2", .faultEnded(number: 1)),
            event(1, "c0", .faultBegan(number: 2, .partitionClient)), event(1.2, "c0", .faultEnded(number: 2)),
        ]
        #expect(Set(reasons(page(others))) == ["the history does not tell why"])
        #expect(!page(others).contains("class=\"reason\""), "no label")
    }

    @Test func withoutAWaitThereIsNoGap() {
        let events = [
            event(0.9, "c0", .invoked(operation: "a", .lock)),
            event(1, "c0", .granted(operation: "a", token: "1", node: "n1")),
            event(2, "c0", .bodyEnded(operation: "a")),
            event(2, "c0", .returned(operation: "a", outcome: "done")),
            event(8, "c0", .invoked(operation: "b", .lock)),
            event(8.1, "c0", .granted(operation: "b", token: "2", node: "n2")),
        ]
        let history = History(events)
        #expect(reasons(HistoryTimeline(history, HistoryChecker(history).check()).page) == [])
    }

    @Test func theSessionOfAKilledHolderTimesOut() {
        let kill = event(2, "c0", .faultBegan(number: 1, .killClient))
        let timeout = event(0, "run", .sessionTimeout(microseconds: 2_000_000))
        let reasons = reasons(page([kill, timeout], former: .ended(detail: "killed")))
        #expect(reasons.first?.hasPrefix("the node in front is of c0, which was killed at") == true, "\(reasons)")
        // Not for longer than the session can live.
        #expect(reasons.count == 2 && reasons.last == "the history does not tell why", "\(reasons)")
        // Without a known time-out it is not said for how long.
        #expect(self.reasons(page([kill], former: .ended(detail: "killed"))) == ["the history does not tell why"])
    }

    @Test func aKilledWaiterInFrontIsNamed() {
        let events = [
            event(2.5, "c2", .firstInQueue(node: "n9")), event(0, "c2", .began(detail: "")),
            event(3, "c2", .faultBegan(number: 1, .killClient)), event(3.01, "c2", .ended(detail: "killed")),
            event(0, "run", .sessionTimeout(microseconds: 4_000_000)),
        ]
        let reasons = reasons(page(events))
        #expect(reasons.contains { $0.hasPrefix("the node in front is of c2, which was killed at") }, "\(reasons)")
    }

    @Test(arguments: [
        (HistoryEvent.Fault.freezeClient, "which is frozen since"), (.partitionClient, "which is cut off since"),
        (.moveServers, "which has the fault move-servers since"),
    ])
    func theFaultOfTheProcessInFrontIsNamed(_ fault: HistoryEvent.Fault, _ words: String) {
        let events = [
            event(2.1, "c1", .firstInQueue(node: "n2")), event(3, "c1", .faultBegan(number: 1, fault)),
            event(7, "c1", .faultEnded(number: 1)),
        ]
        let reasons = reasons(page(events))
        #expect(reasons.count == 3, "\(reasons)")
        #expect(reasons.dropFirst().first?.hasPrefix("the node in front is of c1, \(words)") == true, "\(reasons)")
        let next = "the node in front is of c1; the history does not tell why it is not granted yet"
        #expect(reasons.first == next && reasons.last == next, "\(reasons)")
    }

    @Test func thereIsNoLeaderForAWhile() {
        let events = [
            event(0, "s0", .serves), event(0, "s0", .leads), event(3, "run", .noLeader), event(6, "s1", .leads),
            event(0, "run", .sessionTimeout(microseconds: 4_000_000)),
        ]
        let reasons = reasons(page(events))
        #expect(reasons.count == 3, "\(reasons)")
        #expect(reasons.first == "the history does not tell why")
        #expect(reasons.dropFirst().first?.hasPrefix("no server leads") == true)
        #expect(reasons.last?.hasPrefix("a leader was elected at") == true)
    }

    @Test func aKilledServerLeadsNoMore() {
        let events = [
            event(0, "s0", .leads), event(3, "s0", .faultBegan(number: 1, .killServer)), event(3.6, "s1", .leads),
            event(5, "s0", .faultEnded(number: 1)),
        ]
        let leaders = History(events).leaders
        #expect(leaders.map(\.process) == ["s0", "s1"])
        #expect(leaders.map(\.from) == [0, 3_600_000] && leaders.map(\.to) == [3_000_000, 5_000_000])
    }
}
