// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper
import ZooKeeperRecipes

/// Retries of a contender: with growing pauses, and not for ever.
@Suite struct ContenderRetryTests {
    private typealias Machine = ContenderMachine
    private typealias Failure = ContenderMachine.Failure

    private static let throttled = Failure(.throttled, .refused)
    private static let noNode = Failure(.noNode, .refused)

    private func name(_ guid: String, _ sequence: Int) -> String { "_c_\(guid)-lock-000000000\(sequence)" }

    private func zxid(_ number: Int) -> Zxid { Zxid(rawValue: Int64(number)) }

    /// A machine whose create is under way.
    private func enqueuing(_ guid: String = "me") -> Machine {
        var machine = Machine(dialect: .curator, policy: .exclusive, mode: .wait)
        _ = machine.handle(.start, isInTime: true, guid: guid)
        return machine
    }

    private func enqueued(_ create: Result<Machine.Created, Failure>, _ names: [String] = []) -> Machine.Event {
        .enqueued(create: create, list: .success(ChildNames(names)), parents: nil, connection: 1)
    }

    private var created: Machine.Event {
        enqueued(.success(.init(name: name("me", 3), czxid: zxid(3))), [name("me", 3)])
    }

    private var alone: Machine.Event { .listed(.success([name("me", 3)]), connection: 1) }

    private func requireGrant(_ machine: inout Machine, _ event: Machine.Event) {
        let grant = Machine.Grant(name: name("me", 3), czxid: zxid(3), isWatched: false)
        #expect(machine.handle(event, isInTime: true) == [.grant(grant)])
    }

    // MARK: First, but not in time

    /// The first look is a sync away; if its answer takes longer than a lease is good for, so will the next.
    @Test func aContenderThatIsFirstButLateListsMoreAndMoreSeldom() {
        var machine = enqueuing()
        #expect(machine.handle(created, isInTime: false) == [.list(syncs: true)])
        for attempt in 2...ContenderMachine.mostRetries + 3 {
            let delay = Machine.Action.backOff(min(attempt, ContenderMachine.mostRetries))
            #expect(machine.handle(alone, isInTime: false) == [delay, .list(syncs: true)])
        }
        requireGrant(&machine, alone)
    }

    /// A wait in between is progress: the pauses begin anew.
    @Test func aContenderThatHasWaitedListsAtOnceAgain() {
        var machine = enqueuing()
        _ = machine.handle(created, isInTime: false)
        #expect(machine.handle(alone, isInTime: false).first == .backOff(2))
        // Another contender is in front after all, as by another naming scheme's numbers; then it goes.
        let both = Machine.Event.listed(.success([name("x", 1), name("me", 3)]), connection: 1)
        _ = machine.handle(both, isInTime: true)
        _ = machine.handle(
            .watched(blocker: .success(zxid(1)), own: .success(zxid(3)), connection: 1), isInTime: true)
        let gone = Machine.Event.blockerChanged(name("x", 1), isGone: true, connection: 1)
        #expect(machine.handle(gone, isInTime: false) == [.list(syncs: true)])
    }

    // MARK: Servers that are too busy

    @Test func throttledRequestsAreSentLater() {
        var machine = enqueuing()
        for attempt in 1...3 {
            #expect(
                machine.handle(enqueued(.failure(Self.throttled)), isInTime: true)
                    == [.backOff(attempt), .enqueue(guid: "me", createsParents: false)])
        }
        let listThrottled = Machine.Event.enqueued(
            create: .success(.init(name: name("me", 3), czxid: zxid(3))), list: .failure(Self.throttled), parents: nil,
            connection: 1)
        #expect(machine.handle(listThrottled, isInTime: true).last == .list(syncs: true))
        requireGrant(&machine, alone)
    }

    /// The caller leaves during the pause: nothing was sent, and nothing is.
    @Test func whoLeavesDuringAPauseLeavesNothing() {
        var machine = enqueuing()
        _ = machine.handle(enqueued(.failure(Self.throttled)), isInTime: true)
        #expect(machine.handle(.timedOut, isInTime: true) == [.fail(.timedOut(holder: nil))])
        #expect(machine.isLeaving)
        let unsent = enqueued(.failure(Failure(.cancelled, .notSent)))
        #expect(machine.handle(unsent, isInTime: true) == [])
        #expect(machine.isOver)
    }

    // MARK: Creates that are lost

    /// Creates that were not there five times in a row cost the connection, and are given up.
    @Test(arguments: [true, false]) func createsThatAreLostAgainAndAgainAreNotSentForEver(_ isFresh: Bool) {
        var machine = enqueuing("0")
        let lost = enqueued(.failure(Failure(.connectionLoss, .unknown)))
        // On a fresh path there is not even a directory.
        let empty = Machine.Event.listed(isFresh ? .failure(Self.noNode) : .success([]), connection: 2)
        for attempt in 1...ContenderMachine.mostLostCreates {
            let guid = String(attempt - 1)
            #expect(machine.handle(lost, isInTime: true) == [.list(syncs: true)])
            let actions = machine.handle(empty, isInTime: true, guid: String(attempt))
            let enqueue = Machine.Action.enqueue(guid: String(attempt), createsParents: false)
            switch attempt {
            case 1: #expect(actions == [.resolveCreate(guid: guid), enqueue])
            case ContenderMachine.mostLostCreates:
                #expect(actions == [.resolveCreate(guid: guid), .fail(.createsLost)])
                #expect(machine.isOver)
                return
            default: #expect(actions == [.resolveCreate(guid: guid), .backOff(attempt - 1), enqueue])
            }
        }
    }

    @Test func aCreateThatWasThereAfterAllStartsTheCountAnew() {
        var machine = enqueuing("0")
        let lost = enqueued(.failure(Failure(.connectionLoss, .unknown)))
        let empty = Machine.Event.listed(.success([]), connection: 2)
        for attempt in 1..<ContenderMachine.mostLostCreates {
            _ = machine.handle(lost, isInTime: true)
            _ = machine.handle(empty, isInTime: true, guid: String(attempt))
        }
        let last = String(ContenderMachine.mostLostCreates - 1)
        let created = Machine.Created(name: name(last, 3), czxid: zxid(3))
        _ = machine.handle(enqueued(.success(created), [name("x", 1), name(last, 3)]), isInTime: true)
        // An operator deletes its node: it joins again, and has all attempts again.
        #expect(
            machine.handle(.ownChanged(name(last, 3), isGone: true), isInTime: true) == [
                .enqueue(guid: "again", createsParents: false)
            ])
        _ = machine.handle(lost, isInTime: true)
        #expect(!machine.handle(empty, isInTime: true).contains(.fail(.createsLost)))
    }

    /// A create that may have been executed is looked for, with any error code.
    @Test(arguments: [
        Failure(.refused, .unknown), Failure(.protocolViolation, .unknown), Failure(.connectionLoss, .unknown),
        Failure(.throttled, .unknown),
    ])
    private func aCreateOfUnknownOutcomeIsLookedForWhateverItsCode(_ failure: Failure) {
        var machine = enqueuing()
        #expect(machine.handle(enqueued(.failure(failure)), isInTime: true) == [.list(syncs: true)])
        let found = machine.handle(alone, isInTime: true)
        #expect(found == [.watch(own: name("me", 3))])
        let read = Machine.Event.watched(own: .success(zxid(3)), connection: 1)
        let grant = Machine.Grant(name: name("me", 3), czxid: zxid(3), isWatched: true)
        #expect(machine.handle(read, isInTime: true) == [.grant(grant)])
    }

    @Test func aCreateThatWasRefusedIsNotLookedFor() {
        var machine = enqueuing()
        let refused = Failure(.noAuth, .refused)
        #expect(machine.handle(enqueued(.failure(refused)), isInTime: true) == [.fail(.refused(refused))])
    }

    // MARK: Without a connection

    /// A short request time-out ends the wait for a connection at once, and again: that must not become a loop.
    @Test func createsThatAreNeverSentAreTriedMoreAndMoreSeldom() {
        var machine = enqueuing()
        let unsent = enqueued(.failure(Failure(.connectionLoss, .notSent)))
        let enqueue = Machine.Action.enqueue(guid: "me", createsParents: false)
        #expect(machine.handle(unsent, isInTime: true) == [enqueue])
        for attempt in 2...ContenderMachine.mostRetries + 3 {
            let delay = Machine.Action.backOff(min(attempt, ContenderMachine.mostRetries))
            #expect(machine.handle(unsent, isInTime: true) == [delay, enqueue])
        }
        requireGrant(&machine, created)
    }

    // MARK: A holder's node that cannot be watched

    @Test func aHolderThatMayNotWatchItsNodeLooksAtIt() {
        let own = name("me", 3)
        let check = Machine.Action.check(own)
        var machine = Machine(
            holding: .init(name: own, czxid: zxid(3), isWatched: false), dialect: .curator, policy: .exclusive)
        #expect(machine.handle(.holdingForLong, isInTime: true) == [.watch(own: own)])
        let spent = Machine.Event.watched(
            own: .failure(Failure(.watchBudgetExceeded, .notSent)), connection: 1)
        #expect(machine.handle(spent, isInTime: true) == [check])
        #expect(machine.handle(.checked(.success(true)), isInTime: true) == [check])
        #expect(machine.handle(.checked(.failure(Self.throttled)), isInTime: true) == [check])
        #expect(machine.handle(.checked(.success(false)), isInTime: true) == [.lose])
        #expect(machine.isOver)
    }

    @Test func aLookThatComesAfterTheReleaseSaysNothing() {
        let own = name("me", 3)
        var machine = Machine(
            holding: .init(name: own, czxid: zxid(3), isWatched: false), dialect: .curator, policy: .exclusive)
        #expect(machine.handle(.released, isInTime: true) == [.delete(own)])
        #expect(machine.handle(.checked(.success(false)), isInTime: true) == [])
    }
}
