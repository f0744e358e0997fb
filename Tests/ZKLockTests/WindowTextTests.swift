// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper
import zklock

/// Queues as text and as JSON.
@Suite struct WindowTextTests {
    private let text = QueueText(now: Sample.now)

    @Test func aQueueIsOneLinePerParticipant() {
        let view = Sample.view(
            [(Sample.mutex(3), Sample.node()), (Sample.go(4), Sample.node("", age: 3, session: 0x11, czxid: 0x21))],
            others: ["config"])
        #expect(
            text.details(of: view) == [
                "/locks/nightly  Curator mutex, with go-zookeeper: 1 holds, 1 waits",
                """
                  holds        joined 2026-11-29T03:00:00Z (4m 10s ago)  web-7:4711  exclusive  Curator       \
                session 0x10  token 000000000000002000000000  \(Sample.mutex(3))
                """,
                """
                  waits for 1  joined 2026-11-29T03:04:07Z (3s ago)      (no id)     exclusive  go-zookeeper  \
                session 0x11  token 000000000000002100000000  \(Sample.go(4))
                """,
                "  other children: config",
            ])
    }

    @Test func kindsStandApart() {
        let view = Sample.view([
            (Sample.mutex(3), Sample.node()), (Sample.kazoo(4), Sample.node(session: 0)),
            (Sample.kazoo(5), Sample.node()),
        ])
        let lines = text.details(of: view)
        #expect(lines.first == "/locks/nightly  Curator mutex: 1 holds; kazoo lock: 1 holds, 1 waits")
        #expect(lines[1] == "  Curator mutex")
        #expect(lines[2].hasSuffix(Sample.mutex(3)))
        #expect(lines[3] == "  kazoo lock")
        #expect(lines[4].hasPrefix("  holds ") && lines[4].contains("  no session    token "))
        #expect(lines[5].hasPrefix("  waits for 1  ") && lines[5].hasSuffix(Sample.kazoo(5)))
        #expect(lines[6].hasPrefix("  mixed: Curator mutex, kazoo lock in one directory do not exclude each other"))
        #expect(lines[7].hasPrefix("  stuck: no session owns \(Sample.kazoo(4)), so it stays until it is deleted"))
        #expect(lines.count == 8)
    }

    @Test func nobodyIsFree() {
        #expect(text.details(of: Sample.view([])) == ["/locks/nightly  free"])
        #expect(
            text.details(of: Sample.view([("last-run-2147483647", Sample.node("1795921430000"))])) == [
                "/locks/nightly  free, last run 2026-11-29T03:03:50Z (20s ago)"
            ])
        let semaphore = text.details(of: Sample.view([], others: ["leases", "locks"]))
        #expect(semaphore.first == "/locks/nightly  semaphore")
        #expect(semaphore.last?.contains("/locks/nightly/leases has a child for each holder") == true)
    }

    @Test func manyAreOneLineEach() {
        let one = Sample.view([(Sample.writer(1), Sample.node())])
        var two = Sample.view([(Sample.reader(1), Sample.node()), (Sample.reader(2), Sample.node())])
        two.path = "/a"
        var survey = QueueSurvey("/", queues: [two, one])
        #expect(
            survey.lines(text) == [
                "/a              Curator read/write lock: 2 hold",
                "/locks/nightly  Curator read/write lock: 1 holds",
            ])
        survey.path = "/a"
        #expect(survey.lines(text).count == 4, "that one in full")
    }

    @Test func slownessIsToldWhenAskedFor() {
        let view = Sample.view([(Sample.mutex(1), Sample.node())])
        #expect(text.overview(of: [view]).count == 1)
        let lines = QueueText(now: Sample.now, stuckAfter: .seconds(60)).overview(of: [view])
        #expect(lines.last?.hasPrefix("  stuck: \(Sample.mutex(1)) is the first, joined 4m 10s ago") == true)
    }

    @Test func idsCannotCommandTheTerminal() {
        let view = Sample.view([
            (Sample.mutex(1), Sample.node("\u{1B}[2J\u{202E}a" + String(repeating: "x", count: 90)))
        ])
        let line = text.details(of: view)[1]
        #expect(line.contains("\\u{1b}[2J\\u{202e}axxx"))
        #expect(line.contains("xxx...  exclusive"))
        #expect(line.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value < 0x7F })
    }

    @Test(arguments: [
        (0, "0s"), (59, "59s"), (60, "1m"), (250, "4m 10s"), (3_600, "1h"), (3_661, "1h 1m"), (86_399, "23h 59m"),
        (90_061, "1d 1h"), (-5, "0s"),
    ])
    func agesAreShort(_ seconds: Int, _ text: String) { #expect(TimeText.age(.seconds(seconds)) == text) }

    // MARK: JSON

    @Test func stringsAreEscaped() {
        #expect(
            "\(JSON.string("a\"\\\n\r\t\u{1}\u{7F}\u{2028}é\u{65}\u{301}/"))"
                == "\"a\\\"\\\\\\n\\r\\t\\u0001\\u007f\\u2028é\u{65}\u{301}/\"")
        #expect("\(["a": .null, "b": [.bool(true), .integer(-3)]] as JSON)" == #"{"a":null,"b":[true,-3]}"#)
    }

    @Test func aQueueAsJSON() {
        let view = Sample.view(
            [(Sample.mutex(3), Sample.node("\u{1B}\"")), (Sample.mutex(4), NodeContent())], others: ["config"])
        #expect(
            "\(QueueJSON.queue(view, at: Sample.now, stuckAfter: .seconds(60)))" == """
                {"path":"/locks/nightly","free":false,"kinds":["curator-mutex"],"semaphore":false,"lastRun":null,\
                "problems":[{"problem":"slow","node":"\(Sample.mutex(3))","text":"stuck: \(Sample.mutex(3)) is the first, \
                joined 4m 10s ago, and nobody behind it got the lock since"}],"participants":[\
                {"node":"\(Sample.mutex(3))","state":"holds","ahead":0,"joined":"2026-11-29T03:00:00.000Z","age":250,\
                "kind":"curator-mutex","marker":null,"library":"Curator","access":"exclusive","id":"\\u001b\\"",\
                "session":"0x10","leftover":false,"fencingToken":"000000000000002000000000","sequence":3,\
                "revocationRequested":false,"readable":true},\
                {"node":"\(Sample.mutex(4))","state":"waits","ahead":1,"joined":null,"age":null,\
                "kind":"curator-mutex","marker":null,"library":"Curator","access":"exclusive","id":null,\
                "session":null,"leftover":false,"fencingToken":null,"sequence":4,\
                "revocationRequested":false,"readable":false}],"otherChildren":["config"]}
                """)
    }

    @Test func aChangeAsALineAndAsJSON() throws {
        let view = Sample.view([(Sample.kazooReader(3), Sample.node())])
        let change = try #require(QueueChange.changes(from: nil, to: view, now: Sample.now).first)
        #expect(
            change.line(at: Sample.now)
                == "2026-11-29T03:04:10Z  holds   web-7:4711  shared  kazoo  \(Sample.kazooReader(3))")
        let json = "\(QueueJSON.change(change, at: Sample.now))"
        #expect(json.hasPrefix(#"{"time":"2026-11-29T03:04:10.000Z","change":"holds","participant":{"node":""#))
        #expect(json.hasSuffix(#""readable":true},"text":null}"#))
        #expect(
            "\(QueueJSON.change(.free, at: Sample.now))"
                == #"{"time":"2026-11-29T03:04:10.000Z","change":"free","participant":null,"text":null}"#)
        #expect(QueueChange.free.line(at: Sample.now) == "2026-11-29T03:04:10Z  free")
    }
}
