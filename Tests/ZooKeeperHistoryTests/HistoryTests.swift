// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeperHistory
import ZooKeeperTesting

/// Histories made by hand: each has one violation, or something that only looks like one.
@Suite struct HistoryTests {
    private typealias Event = HistoryEvent
    private typealias Kind = HistoryReport.Violation.Kind

    /// One operation from its invocation to its return, in milliseconds.
    private func turn(
        _ process: String, _ name: String, from: Int64, to: Int64, token: String, stamps: [Int64],
        access: Event.Access = .lock
    ) -> [Event] {
        func event(_ at: Int64, _ kind: Event.Kind) -> Event { Event(at: at * 1_000, process: process, kind) }
        return [
            event(from - 5, .invoked(operation: name, access)),
            event(from, .granted(operation: name, token: token, node: "n-\(token)")),
        ] + stamps.map { event(from, .stamped(operation: name, zxid: $0)) } + [
            event(to, .bodyEnded(operation: name)),
            event(to + 1, .returned(operation: name, outcome: "done")),
        ]
    }

    private func fault(
        _ fault: Event.Fault, _ process: String, from: Int64, to: Int64, number: Int64 = 1
    ) -> [Event] {
        [
            Event(at: from * 1_000, process: process, .faultBegan(number: number, fault)),
            Event(at: to * 1_000, process: process, .faultEnded(number: number)),
        ]
    }

    private func report(_ events: [Event]...) -> HistoryReport {
        HistoryChecker(History(events.flatMap { $0 })).check()
    }

    private func kinds(_ report: HistoryReport) -> [Kind] { report.violations.map(\.kind) }

    @Test func oneAfterTheOtherIsFine() {
        let report = report(
            turn("c0", "a", from: 10, to: 20, token: "01", stamps: [2, 4]),
            turn("c1", "b", from: 21, to: 30, token: "02", stamps: [5, 6]))
        #expect(report.violations.isEmpty)
        #expect(report.grants == 2 && report.invocations == 2 && report.stampedHolds == 2)
        #expect(report.outcomes == ["done": 2])
        #expect(report.waits == [5_000, 5_000])
        #expect(report.waitsByAccess == [.lock: [5_000, 5_000]])
    }

    @Test func twoWithMixedStampsViolateExclusion() {
        let report = report(
            turn("c0", "a", from: 10, to: 20, token: "01", stamps: [2, 6]),
            turn("c1", "b", from: 21, to: 30, token: "02", stamps: [5, 7]))
        #expect(kinds(report) == [.exclusion])
        #expect(report.violations.first?.processes == ["c0", "c1"])
    }

    @Test func aStampWithinTheHoldOfAnyoneBeforeViolatesExclusion() {
        let report = report(
            turn("c0", "a", from: 10, to: 20, token: "01", stamps: [2, 9]),
            turn("c1", "b", from: 21, to: 22, token: "02", stamps: [3]),
            turn("c2", "c", from: 23, to: 24, token: "03", stamps: [8]))
        #expect(kinds(report) == [.exclusion, .exclusion])
    }

    @Test func aLowerTokenLaterViolatesTheOrder() {
        let report = report(
            turn("c0", "a", from: 10, to: 20, token: "02", stamps: [2]),
            turn("c1", "b", from: 21, to: 30, token: "01", stamps: [5]))
        #expect(kinds(report) == [.tokenOrder])
        #expect(report.overtakings == 1)
    }

    @Test func readersMayShareAndWritersMayNot() {
        let readers =
            turn("c0", "a", from: 10, to: 30, token: "01", stamps: [2, 9], access: .read)
            + turn("c1", "b", from: 12, to: 28, token: "02", stamps: [3, 8], access: .read)
        #expect(report(readers).violations.isEmpty)
        let intruder = turn("c2", "w", from: 31, to: 40, token: "03", stamps: [7, 10], access: .write)
        #expect(Set(kinds(report(readers, intruder))) == [.exclusion])
        let early = turn("c2", "w", from: 31, to: 40, token: "015", stamps: [10, 11], access: .write)
        #expect(kinds(report(readers, early)) == [.tokenOrder])
    }

    @Test func aStoreThatGoesBackIsAViolation() {
        func write(_ at: Int64, _ token: String, zxid: Int64) -> Event {
            Event(at: at, process: "c0", .accepted(operation: "a", token: token, zxid: zxid))
        }
        // What counts is the store's order, not when it was heard of.
        #expect(report([write(3, "01", zxid: 7), write(2, "02", zxid: 8)]).violations.isEmpty)
        let bad = report([write(3, "02", zxid: 7), write(4, "01", zxid: 8), write(5, "02", zxid: 9)])
        #expect(kinds(bad) == [.fencing])
        let refused = report([Event(at: 1, process: "c0", .refused(operation: "a", token: "01"))])
        #expect(refused.violations.isEmpty && refused.refusedWrites == 1)
    }

    @Test func bodiesMayOverlapOnTheClockOnlyWithACause() {
        let former = turn("c0", "a", from: 10_000, to: 10_040, token: "01", stamps: [2])
        let latter = turn("c1", "b", from: 10_030, to: 10_050, token: "02", stamps: [5])
        #expect(kinds(report(former, latter)) == [.overlap])
        let causes: [(Event.Fault, String, HistoryReport.Cause)] = [
            (.freezeClient, "c0", .freeze), (.expire, "c0", .expiry), (.partitionClient, "c0", .partition),
            (.partitionServer, "s1", .partition), (.freezeServer, "s0", .partition),
        ]
        for (kind, process, cause) in causes {
            let report = report(former, latter, fault(kind, process, from: 10_020, to: 10_045))
            #expect(report.violations.isEmpty, "\(kind)")
            #expect(report.overlaps == [cause: 1], "\(kind)")
        }
        // Faults of the later holder, at another time, or that do not explain an overlap.
        let others: [(Event.Fault, String, Int64)] = [
            (.freezeClient, "c1", 10_020), (.freezeClient, "c0", 10_041), (.killServer, "s0", 10_020),
            (.delay, "s0", 10_020), (.partitionServer, "s0", 10_041), (.throttleServer, "s0", 10_020),
            // In whatever way a client is ended, as long as its body runs no other may be granted.
            (.stopClient, "c0", 10_020), (.closeClient, "c0", 10_020), (.killClient, "c0", 10_020),
        ]
        for (kind, process, from) in others {
            let report = report(former, latter, fault(kind, process, from: from, to: 10_045))
            #expect(kinds(report) == [.overlap], "\(kind)")
        }
    }

    /// A body that is cancelled runs until it says that it has ended, whatever becomes of its call and of its process.
    @Test func aCancelledBodyThatGoesOnStillHolds() {
        var former = turn("c0", "a", from: 10, to: 900, token: "01", stamps: [2])
        former.append(Event(at: 20_000, process: "c0", .cancelled(operation: "a", expires: 2_000_000)))
        former.append(Event(at: 901_500, process: "c0", .ended(detail: "")))
        let latter = turn("c1", "b", from: 30, to: 50, token: "02", stamps: [5])
        let stop = fault(.stopClient, "c0", from: 15, to: 1_000)
        #expect(kinds(report(former, latter, stop)) == [.overlap])
        let afterwards = turn("c1", "b", from: 902, to: 950, token: "02", stamps: [5])
        #expect(report(former, afterwards, stop).violations.isEmpty)
    }

    @Test func whatAGuestDoesIsNoViolationOfOurs() {
        let guest = [Event(at: 1, process: "kazoo0", .isExternal(library: "kazoo"))]
        let former = turn("c0", "a", from: 10, to: 20, token: "01", stamps: [2, 6])
        let latter = turn("kazoo0", "b", from: 21, to: 30, token: "02", stamps: [5, 7])
        let report = report(guest, former, latter)
        #expect(report.violations.isEmpty)
        #expect(report.externalViolations.map(\.kind) == [.exclusion])
        // How it ends is its own business too.
        let crash = [
            Event(at: 1, process: "kazoo0", .began(detail: "process 1")),
            Event(at: 2, process: "kazoo0", .crashed(detail: "exited(1)")),
        ]
        #expect(self.report(guest, crash).violations.isEmpty)
        #expect(self.report(guest, crash).externalViolations.map(\.kind) == [.crash])
        // It stood in front, so we should not have been let in.
        let inFront = turn("kazoo0", "b", from: 10, to: 20, token: "01", stamps: [2, 6])
        let ours = turn("c0", "a", from: 21, to: 30, token: "02", stamps: [5, 7])
        #expect(kinds(self.report(guest, inFront, ours)) == [.exclusion])
    }

    @Test func aGuestMayGoOnWhenItsTimeIsUp() {
        let guest = [Event(at: 1, process: "curator0", .isExternal(library: "curator"))]
        let former = turn("curator0", "a", from: 10, to: 40, token: "01", stamps: [2])
        let latter = turn("c0", "b", from: 30, to: 50, token: "02", stamps: [5])
        #expect(report(guest, former, latter).overlaps == [.external: 1])
        #expect(report(guest, former, latter).violations.isEmpty)
        // Ours may not.
        let ours = turn("c0", "a", from: 10, to: 40, token: "01", stamps: [2])
        let itself = turn("curator0", "b", from: 30, to: 50, token: "02", stamps: [5])
        #expect(kinds(report(guest, ours, itself)) == [.overlap])
    }

    @Test func aWriterThatGoesOnAsAReaderKeepsItsToken() {
        let writer = turn("c0", "a", from: 10, to: 20, token: "02", stamps: [2, 4], access: .write)
        let reader = turn("c0", "a+", from: 21, to: 30, token: "02", stamps: [5, 9], access: .read)
        #expect(report(writer, reader).violations.isEmpty)
        let another = turn("c1", "b", from: 21, to: 30, token: "02", stamps: [5, 9], access: .read)
        #expect(kinds(report(writer, another)) == [.tokenOrder])
        let next = turn("c1", "b", from: 31, to: 40, token: "03", stamps: [8], access: .write)
        #expect(kinds(report(writer, reader, next)) == [.exclusion])
    }

    @Test func aLateCancellationIsAViolationUnlessTheProcessStoodStill() {
        var late = turn("c0", "a", from: 10, to: 1_200, token: "01", stamps: [2])
        late.append(Event(at: 1_150_000, process: "c0", .cancelled(operation: "a", expires: 140_000)))
        #expect(kinds(report(late)) == [.lateCancellation])
        #expect(report(late, fault(.freezeClient, "c0", from: 100, to: 1_149)).violations.isEmpty)
        #expect(kinds(report(late, fault(.freezeClient, "c1", from: 100, to: 1_149))) == [.lateCancellation])
        var inTime = turn("c0", "a", from: 10, to: 1_200, token: "01", stamps: [2])
        inTime.append(Event(at: 1_150_000, process: "c0", .cancelled(operation: "a", expires: 160_000)))
        #expect(report(inTime).violations.isEmpty)
    }

    @Test func aCallThatDoesNotReturnIsAViolationUnlessItsProcessIsGone() {
        let call = [Event(at: 1, process: "c0", .invoked(operation: "a", .lock))]
        #expect(kinds(report(call)) == [.neverReturned])
        let report = report(call, [Event(at: 2, process: "c0", .ended(detail: "killed"))])
        #expect(report.violations.isEmpty)
        #expect(report.outcomes == ["its process was killed": 1])
    }

    @Test func aHoldEndsWithItsProcess() {
        let hold = Array(turn("c0", "a", from: 10, to: 90, token: "01", stamps: [2]).dropLast(2))
        let history = History(hold + [Event(at: 30_000, process: "c0", .ended(detail: "killed"))])
        #expect(history.holds.map(\.to) == [30_000])
    }

    @Test func orphansAndCrashesAreViolations() {
        #expect(kinds(report([Event(at: 1, process: "run", .leftInQueue(count: 2))])) == [.orphan])
        #expect(report([Event(at: 1, process: "run", .leftInQueue(count: 0))]).violations.isEmpty)
        let life = [
            Event(at: 1, process: "c0", .began(detail: "process 1")),
            Event(at: 2, process: "c0", .crashed(detail: "exited(1)")),
        ]
        #expect(kinds(report(life)) == [.crash])
    }

    @Test func recoveryIsTheTimeToTheNextGrant() {
        let report = report(
            fault(.killServer, "s0", from: 5, to: 50), fault(.expire, "c0", from: 40, to: 41, number: 2),
            turn("c0", "a", from: 25, to: 28, token: "01", stamps: [2]))
        #expect(report.recoveries.map(\.duration) == [20_000, nil])
        // That of the other is not over when the history ends.
        #expect(report.worstRecovery?.fault == .killServer)
        #expect(report.openRecoveries == 1)
    }

    @Test func aQueueThatStandsStillIsAViolation() {
        func stall(_ process: String) -> [Event] {
            [Event(at: 9, process: process, .stalled(node: "lock-7", microseconds: 20_000_000))]
        }
        #expect(kinds(report(stall("c0"))) == [.stalled])
        #expect(report(stall("c0")).violations.first?.text.hasSuffix("first in the queue: lock-7 of c0") == true)
        // A wait behind the node of another library is no violation of ours.
        let guest = [Event(at: 1, process: "kazoo0", .isExternal(library: "kazoo"))]
        #expect(report(guest, stall("kazoo0")).violations.isEmpty)
        #expect(report(guest, stall("kazoo0")).externalViolations.map(\.kind) == [.stalled])
    }

    @Test func everyEventOutlivesItsLine() {
        let kinds: [Event.Kind] = [
            .began(detail: "a \"quoted\" \\ line\nand \u{1} ä"), .ended(detail: ""), .invoked(operation: "o", .write),
            .granted(operation: "o", token: "t", node: "n"), .stamped(operation: "o", zxid: -1),
            .cancelled(operation: "o", expires: 7), .bodyEnded(operation: "o"), .returned(operation: "o", outcome: "x"),
            .accepted(operation: "o", token: "t", zxid: .max), .refused(operation: "o", token: "t"),
            .faultBegan(number: 3, .partitionServer), .faultEnded(number: 3), .serves, .leads, .leftInQueue(count: 1),
            .isExternal(library: "curator"), .stalled(node: "n", microseconds: 3), .crashed(detail: "exited(1)"),
            .noted(name: "command", value: "a b"), .sessionTimeout(microseconds: 4_000_000), .noLeader,
            .firstInQueue(node: "n"), .faultBegan(number: 4, Event.Fault(rawValue: "a fault of my own")),
        ]
        for kind in kinds {
            let event = Event(at: .max, process: "c0", kind)
            #expect(Event(line: event.line) == event)
            // Half a line is nothing.
            #expect(Event(line: String(event.line.dropLast())) == nil)
        }
        #expect(Event(line: "") == nil && Event(line: "{}") == nil && Event(line: "{\"at\":1}x") == nil)
    }
}
