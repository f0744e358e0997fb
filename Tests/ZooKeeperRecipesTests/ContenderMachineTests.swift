import Testing
import ZooKeeper
import ZooKeeperRecipes

/// One story per test: what happens, and what the machine wants done.
@Suite struct ContenderMachineTests {
    private typealias Machine = ContenderMachine
    private typealias Failure = ContenderMachine.Failure

    private static let lost = Failure(.connectionLoss, .unknown)
    private static let noNode = Failure(.noNode, .refused)

    private func name(_ guid: String, _ sequence: Int) -> String {
        let digits = String(sequence)
        return "_c_\(guid)-lock-" + String(repeating: "0", count: 10 - digits.count) + digits
    }

    private func zxid(_ number: Int) -> Zxid { Zxid(rawValue: Int64(number)) }

    private func machine(_ mode: Machine.Mode = .wait) -> Machine {
        Machine(dialect: .curator, policy: .exclusive, mode: mode)
    }

    /// A machine whose create is under way with the guid "me".
    private func enqueuing(_ mode: Machine.Mode = .wait) -> Machine {
        var machine = machine(mode)
        if mode == .attempt {
            _ = machine.handle(.start, isInTime: true)
            _ = machine.handle(.probed(.success([])), isInTime: true)
        } else {
            #expect(machine.handle(.start, isInTime: true) == [.makeGUID])
        }
        #expect(
            machine.handle(.guid("me"), isInTime: true) == [.enqueue(guid: "me", createsParents: false)])
        return machine
    }

    private func enqueued(
        _ sequence: Int, among names: [String], parents: Failure? = nil, connection: Int = 1
    ) -> Machine.Event {
        let own = name("me", sequence)
        return .enqueued(
            create: .success(.init(name: own, czxid: zxid(sequence))), list: .success(names + [own]), parents: parents,
            connection: connection)
    }

    private func grant(_ sequence: Int, isWatched: Bool, guid: String = "me") -> Machine.Action {
        .grant(.init(name: name(guid, sequence), czxid: zxid(sequence), isWatched: isWatched))
    }

    /// A machine that waits behind `blockers`; the nearest has been read, and its own node if that is the only one.
    private func waiting(behind blockers: [String], sequence: Int = 9) -> Machine {
        var machine = enqueuing()
        let own = name("me", sequence)
        #expect(
            machine.handle(enqueued(sequence, among: blockers), isInTime: true)
                == [.watch(blocker: blockers.last, own: blockers.count == 1 ? own : nil)])
        let watched = Machine.Event.watched(
            blocker: .success(zxid(1)), own: blockers.count == 1 ? .success(zxid(sequence)) : nil, connection: 1)
        #expect(machine.handle(watched, isInTime: true) == [])
        return machine
    }

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
            machine.handle(event, isInTime: true) == [.makeGUID], "somebody deleted it: joins again under a new guid")
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
        #expect(machine.handle(changed, isInTime: true) == [.watch(blocker: blocker, own: nil)])
        #expect(
            machine.handle(.watched(blocker: .success(zxid(4)), own: nil, connection: 1), isInTime: true) == [])
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
        #expect(machine.handle(.ownChanged(name("me", 9), isGone: true), isInTime: true) == [.makeGUID])
        #expect(
            machine.handle(.guid("again"), isInTime: true) == [
                .enqueue(guid: "again", createsParents: false)
            ])
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

    @Test func aCreateOfUnknownOutcomeIsFoundByItsMark() {
        var machine = enqueuing()
        let event = Machine.Event.enqueued(
            create: .failure(Self.lost), list: .failure(Self.lost), parents: nil, connection: 1)
        #expect(machine.handle(event, isInTime: true) == [.list(syncs: true)])
        let listed = Machine.Event.listed(.success([name("me", 3), name("x", 4)]), connection: 2)
        #expect(
            machine.handle(listed, isInTime: true) == [.watch(blocker: nil, own: name("me", 3))],
            "its transaction is not known yet")
        let watched = Machine.Event.watched(blocker: nil, own: .success(zxid(3)), connection: 2)
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
                .resolveCreate(guid: "me"), .makeGUID,
            ])
    }

    @Test func everyNodeWithTheMarkIsMine() {
        var machine = enqueuing()
        _ = machine.handle(
            .enqueued(create: .failure(Self.lost), list: .failure(Self.lost), parents: nil, connection: 1),
            isInTime: true)
        let listed = Machine.Event.listed(.success([name("me", 7), name("me", 5)]), connection: 2)
        #expect(
            machine.handle(listed, isInTime: true) == [
                .delete(name("me", 7)), .watch(blocker: nil, own: name("me", 5)),
            ])
    }

    @Test func aCreateThatWasNotSentIsSent() {
        var machine = enqueuing()
        let notSent = Failure(.connectionLoss, .notSent)
        let event = Machine.Event.enqueued(
            create: .failure(notSent), list: .failure(notSent), parents: nil, connection: 1)
        #expect(machine.handle(event, isInTime: true) == [.enqueue(guid: "me", createsParents: false)])
    }

    // MARK: Leaving

    @Test(arguments: [ContenderMachine.Event.cancelled, .timedOut])
    func leavingWhileWaitingDeletesTheNode(_ event: ContenderMachine.Event) {
        let blocker = name("x", 4)
        var machine = waiting(behind: [blocker])
        let reason: Machine.Reason = event == .cancelled ? .cancelled : .timedOut(holder: blocker)
        #expect(machine.handle(event, isInTime: true) == [.delete(name("me", 9)), .fail(reason)])
        #expect(machine.handle(event, isInTime: true) == [])
        #expect(machine.isOver)
    }

    @Test func leavingDuringTheCreateDeletesWhatItLeaves() {
        var machine = enqueuing()
        #expect(machine.handle(.cancelled, isInTime: true) == [.fail(.cancelled)])
        #expect(machine.handle(enqueued(3, among: []), isInTime: true) == [.delete(name("me", 3))])
        #expect(machine.isOver)
    }

    @Test func leavingDuringACreateThatIsLostChasesIt() {
        var machine = enqueuing()
        _ = machine.handle(.cancelled, isInTime: true)
        let event = Machine.Event.enqueued(
            create: .failure(Self.lost), list: .failure(Self.lost), parents: nil, connection: 1)
        #expect(machine.handle(event, isInTime: true) == [.resolveCreate(guid: "me")])
    }

    @Test func leavingBeforeTheCreateWasSentLeavesNothing() {
        var machine = enqueuing()
        _ = machine.handle(.cancelled, isInTime: true)
        let withdrawn = Failure(.cancelled, .notSent)
        let event = Machine.Event.enqueued(
            create: .failure(withdrawn), list: .failure(withdrawn), parents: nil, connection: 1)
        #expect(machine.handle(event, isInTime: true) == [])
        #expect(machine.isOver)
    }

    @Test func leavingWhileAnUnknownCreateIsLookedForChasesIt() {
        var machine = enqueuing()
        _ = machine.handle(
            .enqueued(create: .failure(Self.lost), list: .failure(Self.lost), parents: nil, connection: 1),
            isInTime: true)
        #expect(
            machine.handle(.timedOut, isInTime: true) == [.resolveCreate(guid: "me"), .fail(.timedOut(holder: nil))])
    }

    @Test func leavingAfterTheGrantGivesItBack() {
        var machine = enqueuing()
        _ = machine.handle(enqueued(3, among: []), isInTime: true)
        #expect(machine.handle(.timedOut, isInTime: true) == [.delete(name("me", 3))])
    }

    @Test func aLostSessionEndsTheWait() {
        var machine = waiting(behind: [name("x", 4)])
        #expect(machine.handle(.sessionLost, isInTime: true) == [.fail(.sessionLost)])
        #expect(machine.handle(.sessionLost, isInTime: true) == [])
    }

    // MARK: Holding

    @Test func theHoldersNodeIsWatchedWhenAsked() {
        var machine = enqueuing()
        _ = machine.handle(enqueued(3, among: []), isInTime: true)
        let own = name("me", 3)
        #expect(machine.handle(.holdingForLong, isInTime: true) == [.watch(blocker: nil, own: own)])
        let lost = Machine.Event.watched(blocker: nil, own: .failure(Self.lost), connection: 1)
        #expect(machine.handle(lost, isInTime: true) == [.watch(blocker: nil, own: own)])
        let watched = Machine.Event.watched(blocker: nil, own: .success(zxid(3)), connection: 2)
        #expect(machine.handle(watched, isInTime: true) == [])
        #expect(
            machine.handle(.ownChanged(own, isGone: false), isInTime: true) == [.watch(blocker: nil, own: own)],
            "somebody wrote to it")
        #expect(machine.handle(.ownChanged(own, isGone: true), isInTime: true) == [.lose])
        #expect(machine.handle(.released, isInTime: true) == [])
    }

    @Test func aHolderWhoseNodeIsGoneWhenItIsReadHasLostIt() {
        var machine = enqueuing()
        _ = machine.handle(enqueued(3, among: []), isInTime: true)
        _ = machine.handle(.holdingForLong, isInTime: true)
        let gone = Machine.Event.watched(blocker: nil, own: .failure(Self.noNode), connection: 1)
        #expect(machine.handle(gone, isInTime: true) == [.lose])
    }

    @Test func theRemovalOfAReleasedNodeIsNoLoss() {
        var machine = waiting(behind: [name("x", 4)])
        _ = machine.handle(.blockerChanged(name("x", 4), isGone: true, connection: 1), isInTime: true)
        #expect(machine.handle(.released, isInTime: true) == [.delete(name("me", 9))])
        #expect(machine.handle(.ownChanged(name("me", 9), isGone: true), isInTime: true) == [])
    }

    // MARK: Attempts

    @Test func anAttemptAtATakenLockIsOneReadAndNothingElse() {
        var machine = machine(.attempt)
        #expect(machine.handle(.start, isInTime: true) == [.probe])
        let holder = name("x", 4)
        #expect(
            machine.handle(.probed(.success([name("y", 5), holder])), isInTime: true)
                == [.fail(.busy(holder: holder))])
    }

    @Test func anAttemptThatIsBeatenLeavesNothing() {
        var machine = enqueuing(.attempt)
        let holder = name("x", 4)
        #expect(
            machine.handle(enqueued(9, among: [holder]), isInTime: true) == [
                .delete(name("me", 9)), .fail(.busy(holder: holder)),
            ])
    }

    @Test func anAttemptAtAFreshPathCreatesIt() {
        var machine = machine(.attempt)
        _ = machine.handle(.start, isInTime: true)
        #expect(machine.handle(.probed(.failure(Self.noNode)), isInTime: true) == [.makeGUID])
        #expect(
            machine.handle(.guid("me"), isInTime: true) == [.enqueue(guid: "me", createsParents: true)])
    }

    // MARK: The end of the numbers

    @Test(arguments: ["_c_x-lock-2147483647", "_c_x-lock--2147483648"])
    func aLineWhoseNumbersHaveRunOutIsNotJoined(_ other: String) {
        var machine = enqueuing()
        #expect(
            machine.handle(enqueued(3, among: [other]), isInTime: true) == [
                .delete(name("me", 3)), .fail(.sequenceExhausted),
            ])
        var attempt = ContenderMachine(dialect: .curator, policy: .exclusive, mode: .attempt)
        _ = attempt.handle(.start, isInTime: true)
        #expect(attempt.handle(.probed(.success([other])), isInTime: true) == [.fail(.sequenceExhausted)])
    }

    @Test func anOwnNumberThatHasRunOutIsNotUsed() {
        var machine = enqueuing()
        let own = "_c_me-lock-2147483647"
        let event = Machine.Event.enqueued(
            create: .success(.init(name: own, czxid: zxid(1))), list: .success([own]), parents: nil, connection: 1)
        #expect(machine.handle(event, isInTime: true) == [.delete(own), .fail(.sequenceExhausted)])
    }

    // MARK: Standing again

    /// A machine that gives up its node 1 for a new one; its exchange is under way with the guid "me".
    private func exchanging() -> Machine {
        var machine = Machine(
            dialect: .curatorLatch, policy: .exclusive, mode: .wait, replacing: "_c_old-latch-0000000001")
        _ = machine.handle(.start, isInTime: true)
        #expect(
            machine.handle(.guid("me"), isInTime: true)
                == [.enqueue(guid: "me", createsParents: false, replacing: "_c_old-latch-0000000001")])
        return machine
    }

    private func exchanged(_ create: Result<Machine.Created, Failure>, _ names: [String]) -> Machine.Event {
        .enqueued(create: create, list: .success(names), parents: nil, connection: 1)
    }

    @Test func standingAgainAloneAsksForItsTransaction() {
        var machine = exchanging()
        let own = "_c_me-latch-0000000002"
        // A transaction does not say which one it was: the node does.
        #expect(
            machine.handle(exchanged(.success(.init(name: own, czxid: nil)), [own]), isInTime: true)
                == [.watch(blocker: nil, own: own)])
        #expect(
            machine.handle(.watched(blocker: nil, own: .success(zxid(7)), connection: 1), isInTime: true)
                == [.grant(.init(name: own, czxid: zxid(7), isWatched: true))])
    }

    @Test func anExchangeOfUnknownOutcomeGivesUpTheOldNodeAnyway() {
        var machine = exchanging()
        #expect(
            machine.handle(exchanged(.failure(Self.lost), []), isInTime: true)
                == [.delete("_c_old-latch-0000000001"), .list(syncs: true)])
        // It was not executed: stands again under a new guid, and does not exchange any more.
        #expect(
            machine.handle(.listed(.success([]), connection: 2), isInTime: true) == [
                .resolveCreate(guid: "me"), .makeGUID,
            ])
        #expect(
            machine.handle(.guid("you"), isInTime: true) == [.enqueue(guid: "you", createsParents: false)])
    }

    @Test func anExchangeThatWasNotSentIsMadeAgain() {
        var machine = exchanging()
        let notSent = Failure(.connectionLoss, .notSent)
        #expect(
            machine.handle(exchanged(.failure(notSent), []), isInTime: true)
                == [.enqueue(guid: "me", createsParents: false, replacing: "_c_old-latch-0000000001")])
    }

    @Test func withoutTheOldNodeThereIsNoExchange() {
        var machine = exchanging()
        #expect(
            machine.handle(exchanged(.failure(Self.noNode), []), isInTime: true)
                == [.enqueue(guid: "me", createsParents: false)])
    }

    @Test func anExchangeFailsWhenNumbersHaveRunOut() {
        var machine = exchanging()
        let failure = Failure(.nodeExists, .refused)
        #expect(
            machine.handle(exchanged(.failure(failure), []), isInTime: true)
                == [.delete("_c_old-latch-0000000001"), .fail(.sequenceExhausted)])
    }

    @Test(arguments: [
        Failure(.connectionLoss, .notSent), Failure(.connectionLoss, .unknown), Failure(.noAuth, .refused),
    ])
    private func whoLeavesDuringAnExchangeLeavesNothing(_ failure: Failure) {
        var machine = exchanging()
        #expect(machine.handle(.cancelled, isInTime: true) == [.fail(.cancelled)])
        #expect(
            machine.handle(exchanged(.failure(failure), []), isInTime: true)
                == [.delete("_c_old-latch-0000000001")]
                + (failure.execution == .unknown ? [.resolveCreate(guid: "me")] : []))
        #expect(machine.isOver)
        var done = exchanging()
        _ = done.handle(.cancelled, isInTime: true)
        let own = "_c_me-latch-0000000002"
        #expect(
            done.handle(exchanged(.success(.init(name: own, czxid: nil)), [own]), isInTime: true) == [.delete(own)])
        var early = Machine(dialect: .curatorLatch, policy: .exclusive, mode: .wait, replacing: "old")
        _ = early.handle(.start, isInTime: true)
        #expect(early.handle(.cancelled, isInTime: true) == [.delete("old"), .fail(.cancelled)])
    }

    // MARK: The own watch

    /// Its news comes while the list is under way: the watch is spent, so the grant must not count on it.
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

    @Test func thePlaceIsKnownWhileItWaitsAndHolds() {
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
