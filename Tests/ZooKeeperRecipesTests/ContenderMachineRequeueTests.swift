// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper
import ZooKeeperRecipes

/// One history per test of leaders that exchange their node for a new one.
@Suite struct ContenderMachineRequeueTests: ContenderMachineFixture {
    /// A machine that gives up its node 1 for a new one; its exchange is under way with the guid "me".
    private func exchanging() -> Machine {
        var machine = Machine(
            dialect: .curatorLatch, policy: .exclusive, mode: .wait, replacing: "_c_old-latch-0000000001")
        #expect(
            machine.handle(.start, isInTime: true, guid: "me")
                == [.enqueue(guid: "me", createsParents: false, replacing: "_c_old-latch-0000000001")])
        return machine
    }

    private func exchanged(_ create: Result<Machine.Created, Failure>, _ names: [String]) -> Machine.Event {
        .enqueued(create: create, list: .success(ChildNames(names)), parents: nil, connection: 1)
    }

    @Test func requeueingAloneReadsItsTransaction() {
        var machine = exchanging()
        let own = "_c_me-latch-0000000002"
        // A transaction does not say which one it was: the node does.
        #expect(
            machine.handle(exchanged(.success(.init(name: own, czxid: nil)), [own]), isInTime: true)
                == [.watch(own: own)])
        #expect(
            machine.handle(.watched(own: .success(zxid(7)), connection: 1), isInTime: true)
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
                .resolveCreate(guid: "me"), rejoins,
            ])
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
    func leavingDuringAnExchangeLeavesNothing(_ failure: Failure) {
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
        #expect(early.handle(.cancelled, isInTime: true) == [.delete("old"), .fail(.cancelled)])
    }
}
