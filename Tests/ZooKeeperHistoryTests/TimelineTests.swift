// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeperHistory
import ZooKeeperTesting

@Suite struct TimelineTests {
    private typealias Event = HistoryEvent

    private func timeline(_ events: [Event]) -> HistoryTimeline {
        let history = History(events)
        return HistoryTimeline(history, HistoryChecker(history).check())
    }

    private var events: [Event] {
        [
            Event(at: 0, process: "run", .began(detail: "a <run> & \"more\"")),
            Event(at: 1, process: "s0", .serves),
            Event(at: 2, process: "s0", .leads),
            Event(at: 10, process: "c0", .invoked(operation: "c0/a", .write)),
            Event(at: 20, process: "c0", .granted(operation: "c0/a", token: "feed", node: "n1")),
            Event(at: 30, process: "c10", .invoked(operation: "c10/b", .read)),
            Event(at: 35, process: "c0", .faultBegan(number: 1, .freezeClient)),
            Event(at: 36, process: "s0", .faultBegan(number: 2, .killServer)),
            Event(at: 40, process: "c10", .granted(operation: "c10/b", token: "ff00", node: "n2")),
            Event(at: 50, process: "c10", .bodyEnded(operation: "c10/b")),
            Event(at: 60, process: "c0", .refused(operation: "c0/a", token: "feed")),
            Event(at: 61, process: "c10", .returned(operation: "c10/b", outcome: "done")),
            Event(at: 62, process: "c2", .invoked(operation: "c2/c", .read)),
        ]
    }

    @Test func thereIsALaneForEachProcess() throws {
        let page = timeline(events).page
        let names = page.split(separator: "<span>").dropFirst().compactMap { $0.split(separator: "</span>").first }
        let lanes = names.filter { ["holder", "c0", "c2", "c10", "s0"].contains($0) }
        #expect(lanes == ["holder", "c0", "c2", "c10", "s0"])
    }

    @Test func pageAndPictureAreWellFormed() {
        let timeline = timeline(events)
        #expect(Markup.flaw(in: timeline.page) == nil)
        #expect(Markup.flaw(in: timeline.picture) == nil)
    }

    @Test(arguments: ["<a><b></a></b>", "<a>", "<a x=\"1\" x2='>'>&nbsp;</a>"])
    func theCheckOfMarkupFindsFlaws(_ text: String) {
        #expect(Markup.flaw(in: text) != nil)
    }

    @Test func tokensTimesAndViolationsAreThere() {
        let page = timeline(events).page
        #expect(page.contains("token feed"))
        #expect(page.contains("class=\"hold c1 shared\"") || page.contains("class=\"hold c2 shared\""))
        #expect(page.contains("a &lt;run&gt; &amp;"))
        #expect(page.contains("class=\"fault freeze-client\""))
        #expect(page.contains("VIOLATION (never-returned)"))
        #expect(page.contains("2 violations"))
    }

    @Test func nothingIsLoadedFromElsewhere() {
        let page = timeline(events).page
        for word in ["src=", "href=", "@import", "http:", "https:"] {
            let rest = page.replacing("http://www.w3.org/1999/xhtml", with: "").replacing(
                "http://www.w3.org/2000/svg", with: "")
            #expect(!rest.contains(word), "\(word)")
        }
    }

    @Test func anEmptyHistoryIsAPageToo() {
        let timeline = timeline([])
        #expect(Markup.flaw(in: timeline.page) == nil)
        #expect(Markup.flaw(in: timeline.picture) == nil)
    }
}
