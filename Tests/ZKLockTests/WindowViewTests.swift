// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper
import ZooKeeperRecipes
import zklock

/// Queues as values: who holds, who waits, and what is wrong.
@Suite struct WindowViewTests {
    private func states(_ names: [String]) -> [String: QueueView.State] {
        let view = Sample.view(names.map { ($0, Sample.node()) })
        return Dictionary(uniqueKeysWithValues: view.entries.map { ($0.name.name, $0.state) })
    }

    @Test func theFirstOfAMutexHolds() {
        let states = states([Sample.go(9), Sample.mutex(7), Sample.mutex(10)])
        #expect(states == [Sample.mutex(7): .holds, Sample.go(9): .waits(1), Sample.mutex(10): .waits(2)])
    }

    @Test func readersInFrontOfTheFirstWriterHold() {
        let states = states([
            Sample.reader(1), Sample.reader(2), Sample.writer(3), Sample.reader(4), Sample.writer(5), Sample.reader(6),
        ])
        #expect(
            states == [
                Sample.reader(1): .holds, Sample.reader(2): .holds, Sample.writer(3): .waits(2),
                Sample.reader(4): .waits(1), Sample.writer(5): .waits(4), Sample.reader(6): .waits(2),
            ])
    }

    @Test func aWriterThatIsFirstHolds() {
        #expect(
            states([Sample.kazoo(1), Sample.kazooReader(2)]) == [
                Sample.kazoo(1): .holds, Sample.kazooReader(2): .waits(1),
            ])
    }

    @Test func kindsDoNotSeeEachOther() {
        let view = Sample.view([Sample.kazoo(4), Sample.mutex(2), Sample.mutex(6)].map { ($0, Sample.node()) })
        #expect(view.groups.map(\.kind) == [.curatorMutex, .kazoo])
        #expect(view.holders.map(\.name.name) == [Sample.mutex(2), Sample.kazoo(4)])
        #expect(view.problems(now: Sample.now) == [.mixed([.curatorMutex, .kazoo])])
    }

    @Test func oneThatHasLeftSinceTheListIsLeftOut() {
        let path: ZNodePath = "/locks/nightly"
        let view = QueueView(
            path, children: ChildGroups([Sample.mutex(1), Sample.mutex(2)]),
            nodes: [path.child(Sample.mutex(2)): Sample.node()])
        #expect(view.entries.map(\.name.name) == [Sample.mutex(2)])
        #expect(view.holders.count == 1)
    }

    @Test func nodesTellTheRest() throws {
        let view = Sample.view([
            (Sample.mutex(1), Sample.node("web-7:4711")), (Sample.mutex(2), Sample.node("__REVOKE__")),
            (Sample.mutex(3), Sample.node("")), (Sample.mutex(4), Sample.hiddenNode()),
        ])
        #expect(view.entries.map(\.id) == ["web-7:4711", nil, nil, nil])
        #expect(view.entries.map(\.isRevocationRequested) == [false, true, false, false])
        #expect(
            view.entries.map(\.idText) == ["web-7:4711", "(asked to release)", "(no id)", "(not readable)"])
        let entry = try #require(view.entries.first)
        #expect(entry.session == SessionID(rawValue: 0x10))
        #expect(entry.fencingToken == FencingToken(czxid: Zxid(rawValue: 0x20)))
        #expect(entry.age(at: Sample.now) == .seconds(250))
        #expect(entry.age(at: 0) == .zero, "by a clock that goes wrong")
    }

    @Test(arguments: [0, Int64.min, -0x00FF_FFFF_FFFF_FFFF])
    func aNodeThatNoSessionOwnsIsALeftover(_ owner: Int64) {
        let view = Sample.view([(Sample.mutex(1), Sample.node(session: owner)), (Sample.mutex(2), Sample.node())])
        #expect(view.problems(now: Sample.now) == [.leftover(node: Sample.mutex(1), holds: true)])
        #expect(view.entries.map(\.isLeftover) == [true, false])
    }

    @Test func aLeftoverThatWaitsIsAProblemToCome() {
        let view = Sample.view([(Sample.mutex(1), Sample.node()), (Sample.mutex(2), Sample.node(session: 0))])
        #expect(view.problems(now: Sample.now) == [.leftover(node: Sample.mutex(2), holds: false)])
    }

    @Test func aFirstThatStaysIsAProblem() {
        let view = Sample.view([(Sample.mutex(1), Sample.node(age: 250)), (Sample.mutex(2), Sample.node(age: 2))])
        #expect(view.problems(now: Sample.now).isEmpty)
        #expect(view.problems(stuckAfter: .seconds(250), now: Sample.now).isEmpty)
        #expect(
            view.problems(stuckAfter: .seconds(249), now: Sample.now) == [
                .slow(node: Sample.mutex(1), age: .seconds(250))
            ])
    }

    @Test func aLeaderMayStay() {
        let view = Sample.view([(Sample.latch(1), Sample.node(age: 250))])
        #expect(view.problems(stuckAfter: .seconds(1), now: Sample.now).isEmpty)
    }

    @Test func exhaustedNumbersAreAProblem() {
        let view = Sample.view([
            (Sample.mutex(1), Sample.node()), (Sample.mutex(2_147_483_647), Sample.node()),
        ])
        #expect(view.entries.map(\.state) == [.holds, .unknown])
        #expect(view.problems(now: Sample.now) == [.exhausted])
    }

    @Test func aChildInFrontOfCuratorsFirstIsAProblem() {
        let view = Sample.view([(Sample.mutex(1), Sample.node())], others: ["00", "config", "0000000001x"])
        #expect(view.problems(now: Sample.now) == [.obstacle("00")])
        #expect(Sample.view([(Sample.kazoo(1), Sample.node())], others: ["00"]).problems(now: Sample.now).isEmpty)
    }

    @Test func theLastRunIsNoParticipant() {
        let view = Sample.view([("last-run-2147483647", Sample.node("1795921450000"))])
        #expect(view.isFree)
        #expect(view.lastRun == Sample.now)
        #expect(view.otherChildren.isEmpty)
        #expect(Sample.view([("last-run-2147483647", Sample.hiddenNode())]).lastRun == nil)
    }

    @Test func aSemaphoreIsRecognised() {
        #expect(Sample.view([], others: ["leases", "locks"]).isSemaphore)
        #expect(!Sample.view([], others: ["locks"]).isSemaphore)
    }

    // MARK: Changes

    private func changes(_ old: QueueView?, _ new: QueueView) -> [String] {
        QueueChange.changes(from: old, to: new, now: Sample.now).map { change in
            "\(change.word) \(change.entry.map { "\($0.name.sequence ?? -1)" } ?? change.text ?? "")"
        }
    }

    @Test func theBeginningIsTheStateOfAll() {
        let view = Sample.view([Sample.mutex(1), Sample.mutex(2)].map { ($0, Sample.node()) })
        #expect(changes(nil, view) == ["holds 1", "waits 2"])
        #expect(changes(nil, Sample.view([])) == ["free "])
    }

    @Test func handOffIsSeen() {
        let first = Sample.view([Sample.mutex(1), Sample.mutex(2), Sample.mutex(3)].map { ($0, Sample.node()) })
        let second = Sample.view([Sample.mutex(2), Sample.mutex(3), Sample.mutex(4)].map { ($0, Sample.node()) })
        #expect(changes(first, second) == ["left 1", "holds 2", "joined 4"])
        #expect(changes(second, second).isEmpty)
        #expect(changes(second, Sample.view([])) == ["left 2", "left 3", "left 4", "free "])
        #expect(changes(Sample.view([]), Sample.view([])).isEmpty)
        #expect(
            changes(Sample.view([]), Sample.view([(Sample.mutex(5), Sample.node())])) == ["joined 5", "holds 5"])
    }

    @Test func problemsAreToldOnce() {
        let mutex = (Sample.mutex(1), Sample.node())
        let both = Sample.view([mutex, (Sample.kazoo(2), Sample.node())])
        let seen = changes(Sample.view([mutex]), both)
        #expect(seen.prefix(2) == ["joined 2", "holds 2"])
        #expect(seen.last?.hasPrefix("problem mixed: Curator mutex, kazoo lock") == true)
        #expect(changes(both, both).isEmpty)
    }

    // MARK: Plans

    @Test func onlyParticipantsAreBroken() {
        let view = Sample.view(
            [
                (Sample.mutex(1), Sample.node(version: 3)), (Sample.mutex(2), Sample.node(children: 1)),
                (Sample.mutex(3), NodeContent()), ("last-run-2147483647", Sample.node("1")),
            ], others: ["config"])
        func plan(_ name: String) -> String? {
            if case .refuse(let reason) = BreakPlan(name, of: view, at: view.path) { return reason }
            return nil
        }
        #expect(
            BreakPlan(Sample.mutex(1), of: view, at: view.path) == .delete(view.entries[0], version: 3))
        #expect(plan(Sample.mutex(2))?.contains("has children") == true)
        #expect(plan(Sample.mutex(3))?.contains("cannot be read") == true)
        #expect(plan("config") == "/locks/nightly has no participant config")
        #expect(plan("last-run-2147483647") == "/locks/nightly has no participant last-run-2147483647")
        #expect(plan("gone") == "/locks/nightly has no child gone")
        #expect(BreakPlan("x", of: nil, at: "/gone") == .refuse("/gone does not exist"))
    }

    @Test func onlyThoseWhoListenAreAsked() {
        func refusal(_ name: String, _ node: NodeContent = Sample.node()) -> String? {
            Sample.view([(name, node)]).entries.first.flatMap { Revocation.refusal(of: $0) }
        }
        #expect(refusal(Sample.mutex(1)) == nil)
        #expect(refusal(Sample.writer(1)) == nil)
        #expect(refusal(Sample.reader(1)) == nil)
        #expect(refusal("\(Sample.hex)-mine-0000000001") == nil)
        #expect(refusal(Sample.latch(1))?.contains("must not be written") == true)
        #expect(refusal(Sample.kazoo(1))?.contains("kazoo does not look") == true)
        #expect(refusal(Sample.go(1))?.contains("go-zookeeper does not look") == true)
        #expect(refusal(Sample.mutex(2_147_483_647))?.contains("exhausted") == true)
        #expect(refusal(Sample.mutex(1), Sample.node(session: 0))?.contains("no session owns it") == true)
    }
}
