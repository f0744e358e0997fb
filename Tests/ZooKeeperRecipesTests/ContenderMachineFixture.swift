// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper
import ZooKeeperRecipes

/// The machines and events of the suites that test ``ContenderMachine``.
protocol ContenderMachineFixture {}

extension ContenderMachineFixture {
    typealias Machine = ContenderMachine
    typealias Failure = ContenderMachine.Failure

    static var lost: Failure { Failure(.connectionLoss, .unknown) }
    static var noNode: Failure { Failure(.noNode, .refused) }

    func name(_ guid: String, _ sequence: Int) -> String {
        let digits = String(sequence)
        return "_c_\(guid)-lock-" + String(repeating: "0", count: 10 - digits.count) + digits
    }

    func zxid(_ number: Int) -> Zxid { Zxid(rawValue: Int64(number)) }

    func machine(_ mode: Machine.Mode = .wait) -> Machine {
        Machine(dialect: .curator, policy: .exclusive, mode: mode)
    }

    /// A machine whose create is under way with the guid "me".
    func enqueuing(_ mode: Machine.Mode = .wait) -> Machine {
        var machine = machine(mode)
        if mode == .attempt { #expect(machine.handle(.start, isInTime: true) == [.probe]) }
        #expect(
            machine.handle(mode == .attempt ? .probed(.success([])) : .start, isInTime: true, guid: "me")
                == [.enqueue(guid: "me", createsParents: false)])
        return machine
    }

    /// Joins again, with the guid that the machine gets where a test names none.
    var rejoins: Machine.Action { .enqueue(guid: "again", createsParents: false) }

    func enqueued(
        _ sequence: Int, among names: [String], parents: Failure? = nil, connection: Int = 1
    ) -> Machine.Event {
        let own = name("me", sequence)
        return .enqueued(
            create: .success(.init(name: own, czxid: zxid(sequence))), list: .success(ChildNames(names + [own])),
            parents: parents, connection: connection)
    }

    func grant(_ sequence: Int, isWatched: Bool, guid: String = "me") -> Machine.Action {
        .grant(.init(name: name(guid, sequence), czxid: zxid(sequence), isWatched: isWatched))
    }

    /// A machine that waits behind `blockers`; the two nearest have been read, or the only one and its own node.
    func waiting(behind blockers: [String], sequence: Int = 9) -> Machine {
        var machine = enqueuing()
        let own = name("me", sequence)
        #expect(
            machine.handle(enqueued(sequence, among: blockers), isInTime: true)
                == [
                    .watch(
                        blocker: blockers.last, second: blockers.dropLast().last, own: blockers.count == 1 ? own : nil)
                ])
        let watched = Machine.Event.watched(
            blocker: .success(zxid(1)), second: blockers.count > 1 ? .success(zxid(2)) : nil,
            own: blockers.count == 1 ? .success(zxid(sequence)) : nil, connection: 1)
        #expect(machine.handle(watched, isInTime: true) == [])
        return machine
    }
}

extension ContenderMachine {
    mutating func handle(_ event: Event, isInTime: Bool) -> [Action] {
        handle(event, isInTime: isInTime, guid: "again")
    }
}
