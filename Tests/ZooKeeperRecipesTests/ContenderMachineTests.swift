// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper
import ZooKeeperRecipes

/// One history per test, from the first request to the grant: events, and the actions of the machine.
@Suite struct ContenderMachineTests: ContenderMachineFixture {
    // MARK: Free

    @Test func aFreeLockIsGrantedAtOnce() {
        var machine = enqueuing()
        #expect(
            machine.handle(enqueued(3, among: ["config", "00"]), isInTime: true) == [grant(3, isWatched: false)])
        #expect(machine.handle(.released, isInTime: true) == [.delete(name("me", 3))])
        #expect(machine.isOver)
    }

    @Test func isNeverGrantedWithoutItsOwnNodeInTheList() {
        var machine = enqueuing()
        let event = Machine.Event.enqueued(
            create: .success(.init(name: name("me", 3), czxid: zxid(3))), list: .success([]), parents: nil,
            connection: 1)
        #expect(
            machine.handle(event, isInTime: true) == [rejoins], "it was deleted: joins again under a new guid")
    }

    @Test func isNotGrantedInASessionThatMayBeOver() {
        var machine = enqueuing()
        #expect(machine.handle(enqueued(3, among: []), isInTime: false) == [.list(syncs: true)])
        let listed = Machine.Event.listed(.success([name("me", 3)]), connection: 2)
        #expect(machine.handle(listed, isInTime: true) == [grant(3, isWatched: false)])
    }

    @Test func aFreshPathIsCreatedWithItsParents() {
        var machine = enqueuing()
        let missing = Machine.Event.enqueued(
            create: .failure(Self.noNode), list: .failure(Self.noNode), parents: nil, connection: 1)
        #expect(machine.handle(missing, isInTime: true) == [.enqueue(guid: "me", createsParents: true)])
        // Removed again as an empty container, between its creation and ours.
        #expect(machine.handle(missing, isInTime: true) == [.enqueue(guid: "me", createsParents: true)])
        #expect(machine.handle(enqueued(0, among: []), isInTime: true) == [grant(0, isWatched: false)])
    }

    @Test func parentsThatMayNotBeCreatedAreTheReason() {
        var machine = enqueuing()
        let noAuth = Failure(.noAuth, .refused)
        _ = machine.handle(
            .enqueued(create: .failure(Self.noNode), list: .failure(Self.noNode), parents: nil, connection: 1),
            isInTime: true)
        let refused = Machine.Event.enqueued(
            create: .failure(Self.noNode), list: .failure(Self.noNode), parents: noAuth, connection: 1)
        #expect(machine.handle(refused, isInTime: true) == [.fail(.refused(noAuth))])
    }

    /// The servers remove empty containers when they like.
    @Test func anAncestorThatIsRemovedBetweenTwoCreationsIsCreatedAgain() {
        var machine = enqueuing()
        let missing = Machine.Event.enqueued(
            create: .failure(Self.noNode), list: .failure(Self.noNode), parents: nil, connection: 1)
        #expect(machine.handle(missing, isInTime: true) == [.enqueue(guid: "me", createsParents: true)])
        let reaped = Machine.Event.enqueued(
            create: .failure(Self.noNode), list: .failure(Self.noNode), parents: Self.noNode, connection: 1)
        for _ in 0..<ContenderMachine.mostVanishings {
            #expect(machine.handle(reaped, isInTime: true) == [.enqueue(guid: "me", createsParents: true)])
        }
        // That is no container any more: the chroot is gone, for example.
        #expect(machine.handle(reaped, isInTime: true) == [.fail(.refused(Self.noNode))])
    }

    @Test func anAncestorThatMayNotBeCreatedDoesNotMatterIfTheNodeWas() {
        var machine = enqueuing()
        let event = enqueued(0, among: [], parents: Failure(.noAuth, .refused))
        #expect(machine.handle(event, isInTime: true) == [grant(0, isWatched: false)])
    }

    // MARK: Waiting

    @Test func theOnlyOneInTheWayHandsOverWithoutAnotherRequest() {
        let blocker = name("x", 4)
        var machine = waiting(behind: [blocker])
        #expect(machine.holder == blocker)
        let gone = Machine.Event.blockerChanged(blocker, isGone: true, connection: 1)
        #expect(machine.handle(gone, isInTime: true) == [grant(9, isWatched: true)])
    }

    @Test func theBlockerMayGoBeforeOurOwnNodeHasBeenRead() {
        let blocker = name("x", 4)
        var machine = enqueuing()
        _ = machine.handle(enqueued(9, among: [blocker]), isInTime: true)
        #expect(
            machine.handle(.blockerChanged(blocker, isGone: true, connection: 1), isInTime: true) == [],
            "our own node may be gone too")
        let watched = Machine.Event.watched(blocker: .success(zxid(4)), own: .success(zxid(9)), connection: 1)
        #expect(machine.handle(watched, isInTime: true) == [grant(9, isWatched: true)])
    }

    @Test func theBlockerMayBeGoneWhenItIsRead() {
        var machine = enqueuing()
        _ = machine.handle(enqueued(9, among: [name("x", 4)]), isInTime: true)
        let watched = Machine.Event.watched(blocker: .failure(Self.noNode), own: .success(zxid(9)), connection: 1)
        #expect(machine.handle(watched, isInTime: true) == [grant(9, isWatched: true)])
    }

    @Test func withMoreInTheWayItLooksAgain() {
        let first = name("x", 4)
        let nearest = name("y", 5)
        var machine = waiting(behind: [first, nearest])
        let gone = Machine.Event.blockerChanged(nearest, isGone: true, connection: 1)
        #expect(machine.handle(gone, isInTime: true) == [.list(syncs: false)])
        let listed = Machine.Event.listed(.success([first, name("me", 9), name("z", 11)]), connection: 1)
        #expect(machine.handle(listed, isInTime: true) == [.watch(blocker: first, own: name("me", 9))])
    }

    @Test func afterAReconnectItLooksAgainBehindASync() {
        let blocker = name("x", 4)
        var machine = waiting(behind: [blocker])
        let gone = Machine.Event.blockerChanged(blocker, isGone: true, connection: 2)
        #expect(machine.handle(gone, isInTime: true) == [.list(syncs: true)])
        let listed = Machine.Event.listed(.success([name("me", 9)]), connection: 2)
        #expect(machine.handle(listed, isInTime: true) == [grant(9, isWatched: true)])
    }

    @Test func inASessionThatMayBeOverItLooksAgainBehindASync() {
        let blocker = name("x", 4)
        var machine = waiting(behind: [blocker])
        let gone = Machine.Event.blockerChanged(blocker, isGone: true, connection: 1)
        #expect(machine.handle(gone, isInTime: false) == [.list(syncs: true)])
    }

    @Test func aWriteToTheBlockerIsNoRelease() {
        let blocker = name("x", 4)
        var machine = waiting(behind: [blocker])
        let changed = Machine.Event.blockerChanged(blocker, isGone: false, connection: 1)
        #expect(machine.handle(changed, isInTime: true) == [.watch(blocker: blocker)])
        #expect(
            machine.handle(.watched(blocker: .success(zxid(4)), connection: 1), isInTime: true) == [])
        let gone = Machine.Event.blockerChanged(blocker, isGone: true, connection: 1)
        #expect(machine.handle(gone, isInTime: true) == [grant(9, isWatched: true)])
    }

    @Test func newsOfAFormerBlockerMeansNothing() {
        var machine = waiting(behind: [name("x", 4)])
        let gone = Machine.Event.blockerChanged(name("y", 3), isGone: true, connection: 1)
        #expect(machine.handle(gone, isInTime: true) == [])
    }

    @Test func aWaiterWhoseNodeIsDeletedJoinsAgain() {
        var machine = waiting(behind: [name("x", 4)])
        #expect(machine.handle(.ownChanged(name("me", 9), isGone: true), isInTime: true) == [rejoins])
    }

    @Test func ofTwoNodesDeletedAtOnceTheOwnOneCountsIfItIsHeardFirst() {
        let blocker = name("x", 4)
        var machine = waiting(behind: [blocker])
        _ = machine.handle(.ownChanged(name("me", 9), isGone: true), isInTime: true)
        #expect(machine.handle(.blockerChanged(blocker, isGone: true, connection: 1), isInTime: true) == [])
    }

    @Test func readsThatAreLostWithTheConnectionAreReplacedByALook() {
        var machine = enqueuing()
        _ = machine.handle(enqueued(9, among: [name("x", 4)]), isInTime: true)
        let watched = Machine.Event.watched(blocker: .failure(Self.lost), own: .failure(Self.lost), connection: 1)
        #expect(machine.handle(watched, isInTime: true) == [.list(syncs: true)])
        #expect(
            machine.handle(.listed(.failure(Self.lost), connection: 1), isInTime: true) == [.list(syncs: true)])
    }

    // MARK: A create of unknown outcome

    @Test func aCreateOfUnknownOutcomeIsFoundByItsGUID() {
        var machine = enqueuing()
        let event = Machine.Event.enqueued(
            create: .failure(Self.lost), list: .failure(Self.lost), parents: nil, connection: 1)
        #expect(machine.handle(event, isInTime: true) == [.list(syncs: true)])
        let listed = Machine.Event.listed(.success([name("me", 3), name("x", 4)]), connection: 2)
        #expect(
            machine.handle(listed, isInTime: true) == [.watch(own: name("me", 3))],
            "its transaction is not known yet")
        let watched = Machine.Event.watched(own: .success(zxid(3)), connection: 2)
        #expect(machine.handle(watched, isInTime: true) == [grant(3, isWatched: true)])
    }

    @Test func aCreateOfUnknownOutcomeIsNeverTakenForAbsent() {
        // The list was answered over the next connection, the create may still arrive over the last one.
        var machine = enqueuing()
        let event = Machine.Event.enqueued(
            create: .failure(Self.lost), list: .success([]), parents: nil, connection: 2)
        #expect(machine.handle(event, isInTime: true) == [.list(syncs: true)])
        #expect(
            machine.handle(.listed(.success([]), connection: 2), isInTime: true) == [
                .resolveCreate(guid: "me"), rejoins,
            ])
    }

    @Test func everyNodeWithTheGUIDIsMine() {
        var machine = enqueuing()
        _ = machine.handle(
            .enqueued(create: .failure(Self.lost), list: .failure(Self.lost), parents: nil, connection: 1),
            isInTime: true)
        let listed = Machine.Event.listed(.success([name("me", 7), name("me", 5)]), connection: 2)
        #expect(
            machine.handle(listed, isInTime: true) == [
                .delete(name("me", 7)), .watch(own: name("me", 5)),
            ])
    }

    @Test func aCreateThatWasNotSentIsSent() {
        var machine = enqueuing()
        let notSent = Failure(.connectionLoss, .notSent)
        let event = Machine.Event.enqueued(
            create: .failure(notSent), list: .failure(notSent), parents: nil, connection: 1)
        #expect(machine.handle(event, isInTime: true) == [.enqueue(guid: "me", createsParents: false)])
    }

    // MARK: The own watch

    /// The event of the own watch comes while the list is under way: the watch is spent, so the grant must not count
    /// on it.
    @Test func aWatchThatFiresDuringAListIsSpent() {
        var machine = waiting(behind: [name("a", 1)])
        let listed = machine.handle(
            .blockerChanged(name("a", 1), isGone: true, connection: 2), isInTime: true)
        #expect(listed == [.list(syncs: true)])
        #expect(machine.handle(.ownChanged(name("me", 9), isGone: false), isInTime: true) == [])
        #expect(
            machine.handle(.listed(.success([name("me", 9)]), connection: 2), isInTime: true)
                == [grant(9, isWatched: false)])
    }

    @Test func thePositionIsKnownWhileItWaitsAndHolds() {
        var machine = enqueuing()
        #expect(machine.position == nil)
        _ = machine.handle(enqueued(9, among: [name("a", 1), name("b", 2)]), isInTime: true)
        #expect(machine.position?.ahead == 2 && machine.position?.node == name("me", 9))
        _ = machine.handle(.blockerChanged(name("b", 2), isGone: true, connection: 1), isInTime: true)
        #expect(machine.position?.ahead == 2, "it looks again, and does not know better yet")
        _ = machine.handle(.listed(.success([name("me", 9)]), connection: 1), isInTime: true)
        #expect(machine.position?.ahead == 0)
        _ = machine.handle(.released, isInTime: true)
        #expect(machine.position == nil)
    }
}
