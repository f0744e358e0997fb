// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper
import ZooKeeperRecipes

/// Contenders behind several, which watch the two nearest: when the second goes they list, while the nearest still
/// holds, and so need no request when that one goes.
@Suite struct SecondWatchTests: ContenderMachineFixture {
    private let first = "_c_x-lock-0000000004"
    private let second = "_c_y-lock-0000000005"
    private let nearest = "_c_z-lock-0000000006"
    private var own: String { name("me", 9) }

    private func gone(_ name: String, connection: Int = 1) -> Machine.Event {
        .blockerChanged(name, isGone: true, connection: connection)
    }

    private func relisted(_ names: [String], connection: Int = 1) -> Machine.Event {
        .relisted(.success(ChildNames(names + [own])), own: .success(zxid(9)), connection: connection)
    }

    /// A machine that waits behind `blockers`, of which the second nearest has gone.
    private func relisting(behind blockers: [String]) -> Machine {
        var machine = waiting(behind: blockers)
        #expect(machine.handle(gone(blockers[blockers.count - 2]), isInTime: true) == [.relist(own: own)])
        return machine
    }

    @Test func theNextInLineTakesOverWithoutARequest() {
        var machine = relisting(behind: [second, nearest])
        #expect(machine.position?.ahead == 2)
        #expect(machine.handle(relisted([nearest, name("after", 11)]), isInTime: true) == [])
        #expect(machine.position?.ahead == 1)
        #expect(machine.holder == nearest)
        #expect(machine.handle(gone(nearest), isInTime: true) == [grant(9, isWatched: true)])
    }

    @Test func theNearestMayGoDuringTheList() {
        var machine = relisting(behind: [second, nearest])
        #expect(machine.handle(gone(nearest), isInTime: true) == [], "the list under way will say more")
        #expect(
            machine.handle(relisted([nearest]), isInTime: true) == [grant(9, isWatched: true)],
            "it was in the list, and has gone since")
        #expect(machine.handle(gone(nearest), isInTime: true) == [])
    }

    @Test func theNearestMayBeMissingInTheList() {
        var machine = relisting(behind: [second, nearest])
        #expect(machine.handle(gone(nearest), isInTime: true) == [])
        #expect(machine.handle(relisted([]), isInTime: true) == [grant(9, isWatched: true)])
    }

    @Test func ofSeveralTheNewSecondIsWatched() {
        var machine = relisting(behind: [first, second, nearest])
        #expect(machine.handle(relisted([first, nearest]), isInTime: true) == [.watch(second: first)])
        #expect(machine.position?.ahead == 2)
        #expect(machine.handle(.watched(second: .success(zxid(4)), connection: 1), isInTime: true) == [])
        #expect(machine.handle(gone(second), isInTime: true) == [], "late news")
        #expect(machine.handle(gone(first), isInTime: true) == [.relist(own: own)])
        #expect(machine.handle(relisted([nearest]), isInTime: true) == [])
        #expect(machine.handle(gone(nearest), isInTime: true) == [grant(9, isWatched: true)])
    }

    @Test func aSecondThatIsGoneWhenItIsReadCountsAsRemoved() {
        var machine = enqueuing()
        _ = machine.handle(enqueued(9, among: [second, nearest]), isInTime: true)
        let watched = Machine.Event.watched(
            blocker: .success(zxid(6)), second: .failure(Self.noNode), connection: 1)
        #expect(machine.handle(watched, isInTime: true) == [.relist(own: own)])
        #expect(machine.handle(relisted([nearest]), isInTime: true) == [])
        #expect(machine.handle(gone(nearest), isInTime: true) == [grant(9, isWatched: true)])
    }

    @Test func ofTwoThatAreGoneWhenTheyAreReadTheNearestCounts() {
        var machine = enqueuing()
        _ = machine.handle(enqueued(9, among: [second, nearest]), isInTime: true)
        let watched = Machine.Event.watched(
            blocker: .failure(Self.noNode), second: .failure(Self.noNode), connection: 1)
        #expect(machine.handle(watched, isInTime: true) == [.list(syncs: false)])
    }

    /// Not affordable, not to be read by us, or too much to do for the servers.
    @Test(arguments: [
        nil, Failure(.noAuth, .refused), Failure(.watchBudgetExceeded, .notSent), Failure(.throttled, .refused),
    ])
    func withoutTheSecondWatchItListsWhenTheNearestGoes(_ failure: ContenderMachine.Failure?) {
        var machine = enqueuing()
        _ = machine.handle(enqueued(9, among: [second, nearest]), isInTime: true)
        let watched = Machine.Event.watched(
            blocker: .success(zxid(6)), second: failure.map { .failure($0) }, connection: 1)
        #expect(machine.handle(watched, isInTime: true) == [])
        #expect(machine.handle(gone(nearest), isInTime: true) == [.list(syncs: false)])
        let listed = Machine.Event.listed(.success([own]), connection: 1)
        #expect(machine.handle(listed, isInTime: true) == [grant(9, isWatched: false)])
    }

    @Test func aReadOfTheSecondThatIsLostIsReplacedByALook() {
        var machine = enqueuing()
        _ = machine.handle(enqueued(9, among: [second, nearest]), isInTime: true)
        let watched = Machine.Event.watched(
            blocker: .success(zxid(6)), second: .failure(Self.lost), connection: 1)
        #expect(machine.handle(watched, isInTime: true) == [.list(syncs: true)])
        #expect(
            machine.handle(.listed(.success([second, nearest, own]), connection: 2), isInTime: true)
                == [.watch(blocker: nearest, second: second)])
    }

    @Test func theNearestMayGoFirst() {
        var machine = waiting(behind: [second, nearest])
        #expect(machine.handle(gone(nearest), isInTime: true) == [.list(syncs: false)])
        #expect(machine.handle(gone(second), isInTime: true) == [], "the list will show it")
        #expect(
            machine.handle(.listed(.success([second, own]), connection: 1), isInTime: true)
                == [.watch(blocker: second, own: own)])
        let watched = Machine.Event.watched(blocker: .failure(Self.noNode), own: .success(zxid(9)), connection: 1)
        #expect(machine.handle(watched, isInTime: true) == [grant(9, isWatched: true)])
    }

    @Test func theNearestMayGoDuringAListThatShowsSeveral() {
        var machine = relisting(behind: [first, second, nearest])
        #expect(machine.handle(gone(nearest), isInTime: true) == [])
        #expect(
            machine.handle(relisted([first, nearest]), isInTime: true) == [.watch(blocker: first, own: own)],
            "one that has gone since the list does not count")
        let watched = Machine.Event.watched(blocker: .success(zxid(4)), own: .success(zxid(9)), connection: 1)
        #expect(machine.handle(watched, isInTime: true) == [])
        #expect(machine.handle(gone(first), isInTime: true) == [grant(9, isWatched: true)])
    }

    @Test func aWriteToTheSecondIsNoRemoval() {
        var machine = waiting(behind: [second, nearest])
        let written = Machine.Event.blockerChanged(second, isGone: false, connection: 1)
        #expect(machine.handle(written, isInTime: true) == [.watch(second: second)])
        #expect(
            machine.handle(.watched(second: .failure(Self.noNode), connection: 1), isInTime: true) == [
                .relist(own: own)
            ])
        #expect(machine.handle(written, isInTime: true) == [], "late news")
        #expect(machine.handle(gone(second), isInTime: true) == [], "one list is enough")
        #expect(
            machine.handle(.watched(second: .failure(Self.noNode), connection: 1), isInTime: true) == [],
            "one list is enough")
    }

    @Test func aWriteToTheNearestDuringTheListIsNoRemoval() {
        var machine = relisting(behind: [second, nearest])
        let written = Machine.Event.blockerChanged(nearest, isGone: false, connection: 1)
        #expect(machine.handle(written, isInTime: true) == [.watch(blocker: nearest)])
        #expect(machine.handle(relisted([nearest]), isInTime: true) == [])
        #expect(
            machine.handle(.watched(blocker: .failure(Self.noNode), connection: 1), isInTime: true)
                == [grant(9, isWatched: true)])
    }

    /// The nearest was written to, and deleted before it was read again: the list knows that first.
    @Test func aListThatDoesNotShowTheNearestIsMadeAgain() {
        var machine = relisting(behind: [first, second, nearest])
        let written = Machine.Event.blockerChanged(nearest, isGone: false, connection: 1)
        #expect(machine.handle(written, isInTime: true) == [.watch(blocker: nearest)])
        #expect(machine.handle(relisted([first]), isInTime: true) == [.list(syncs: false)])
        #expect(machine.handle(.watched(blocker: .failure(Self.noNode), connection: 1), isInTime: true) == [])
        #expect(
            machine.handle(.listed(.success([first, own]), connection: 1), isInTime: true)
                == [.watch(blocker: first, own: own)])
    }

    // MARK: Another connection, and failures

    @Test func afterAReconnectTheRemovalOfTheSecondIsLookedAtBehindASync() {
        var machine = waiting(behind: [second, nearest])
        #expect(machine.handle(gone(second, connection: 2), isInTime: true) == [.list(syncs: true)])
        #expect(
            machine.handle(.listed(.success([nearest, own]), connection: 2), isInTime: true)
                == [.watch(blocker: nearest, own: own)])
    }

    @Test func aListThatIsAnsweredAfterAReconnectDoesNotCount() {
        var machine = relisting(behind: [second, nearest])
        #expect(machine.handle(relisted([nearest], connection: 2), isInTime: true) == [.list(syncs: true)])
    }

    @Test func afterAReconnectTheNearestIsLookedAtBehindASync() {
        var machine = relisting(behind: [second, nearest])
        #expect(machine.handle(relisted([nearest]), isInTime: true) == [])
        #expect(machine.handle(gone(nearest, connection: 2), isInTime: true) == [.list(syncs: true)])
    }

    @Test func inASessionThatMayBeOverItLooksAgainBehindASync() {
        var machine = relisting(behind: [second, nearest])
        #expect(machine.handle(relisted([nearest]), isInTime: true) == [])
        #expect(machine.handle(gone(nearest), isInTime: false) == [.list(syncs: true)])
    }

    @Test func aListThatIsLostIsMadeAgainBehindASync() {
        for lostAnswer in [
            Machine.Event.relisted(.failure(Self.lost), own: .failure(Self.lost), connection: 1),
            .relisted(.success([nearest, own]), own: .failure(Self.lost), connection: 1),
        ] {
            var machine = relisting(behind: [second, nearest])
            #expect(machine.handle(gone(nearest), isInTime: true) == [])
            #expect(machine.handle(lostAnswer, isInTime: true) == [.list(syncs: true)])
            #expect(machine.handle(relisted([nearest]), isInTime: true) == [], "late news")
        }
    }

    @Test func aListThatIsThrottledIsMadeAgainLater() {
        let throttled = Failure(.throttled, .refused)
        var machine = relisting(behind: [second, nearest])
        let event = Machine.Event.relisted(.failure(throttled), own: .success(zxid(9)), connection: 1)
        #expect(machine.handle(event, isInTime: true) == [.backOff(1), .list(syncs: true)])
    }

    @Test func aWaiterWhoseNodeIsMissingJoinsAgain() {
        var machine = relisting(behind: [second, nearest])
        let deleted = Machine.Event.relisted(
            .success([nearest, own]), own: .failure(Self.noNode), connection: 1)
        #expect(machine.handle(deleted, isInTime: true) == [rejoins])
        machine = relisting(behind: [second, nearest])
        let missing = Machine.Event.relisted(.success([nearest]), own: .failure(Self.noNode), connection: 1)
        #expect(machine.handle(missing, isInTime: true) == [rejoins])
        #expect(machine.handle(gone(nearest), isInTime: true) == [])
    }

    @Test func whoLeavesDuringTheListLeavesNothing() {
        var machine = relisting(behind: [second, nearest])
        #expect(
            machine.handle(.timedOut, isInTime: true) == [.delete(own), .fail(.timedOut(holder: second))])
        #expect(machine.handle(relisted([nearest]), isInTime: true) == [])
    }

    // MARK: Who does not

    @Test func aWriterAmongReadersWatchesOne() {
        var machine = Machine(dialect: .curatorReadWrite, policy: .exclusive, mode: .wait)
        _ = machine.handle(.start, isInTime: true, guid: "me")
        let own = "_c_me-__WRIT__0000000009"
        let others = ["_c_x-__WRIT__0000000004", "_c_y-__READ__0000000005"]
        let event = Machine.Event.enqueued(
            create: .success(.init(name: own, czxid: zxid(9))), list: .success(ChildNames(others + [own])),
            parents: nil,
            connection: 1)
        #expect(machine.handle(event, isInTime: true) == [.watch(blocker: others[1])])
    }

    @Test func aReaderWatchesTheTwoNearestWriters() {
        var machine = Machine(dialect: .curatorReadWrite, policy: .shared, mode: .wait)
        _ = machine.handle(.start, isInTime: true, guid: "me")
        let own = "_c_me-__READ__0000000009"
        let others = [
            "_c_x-__WRIT__0000000004", "_c_y-__READ__0000000005", "_c_z-__WRIT__0000000006", "_c_u-__READ__0000000007",
        ]
        let event = Machine.Event.enqueued(
            create: .success(.init(name: own, czxid: zxid(9))), list: .success(ChildNames(others + [own])),
            parents: nil,
            connection: 1)
        #expect(machine.handle(event, isInTime: true) == [.watch(blocker: others[2], second: others[0])])
    }
}
