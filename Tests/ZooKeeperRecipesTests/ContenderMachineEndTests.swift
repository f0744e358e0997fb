// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper
import ZooKeeperRecipes

/// One history per test of contenders that leave, hold, or cannot have the lock.
@Suite struct ContenderMachineEndTests: ContenderMachineFixture {
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

    @Test func leavingAfterTheGrantDeletesTheNode() {
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
        #expect(machine.handle(.holdingForLong, isInTime: true) == [.watch(own: own)])
        let lost = Machine.Event.watched(own: .failure(Self.lost), connection: 1)
        #expect(machine.handle(lost, isInTime: true) == [.watch(own: own)])
        let watched = Machine.Event.watched(own: .success(zxid(3)), connection: 2)
        #expect(machine.handle(watched, isInTime: true) == [])
        #expect(
            machine.handle(.ownChanged(own, isGone: false), isInTime: true) == [.watch(own: own)],
            "another client wrote to it")
        #expect(machine.handle(.ownChanged(own, isGone: true), isInTime: true) == [.lose])
        #expect(machine.handle(.released, isInTime: true) == [])
    }

    @Test func aHolderWhoseNodeIsGoneWhenItIsReadHasLostIt() {
        var machine = enqueuing()
        _ = machine.handle(enqueued(3, among: []), isInTime: true)
        _ = machine.handle(.holdingForLong, isInTime: true)
        let gone = Machine.Event.watched(own: .failure(Self.noNode), connection: 1)
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
        #expect(
            machine.handle(.probed(.failure(Self.noNode)), isInTime: true, guid: "me")
                == [.enqueue(guid: "me", createsParents: true)])
    }

    // MARK: The end of the numbers

    @Test(arguments: ["_c_x-lock-2147483647", "_c_x-lock--2147483648"])
    func aQueueWhoseNumbersHaveRunOutIsNotJoined(_ other: String) {
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
}
