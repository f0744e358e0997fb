// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

// The janitor, which removes nodes that must not stay; and nodes that the servers refuse to remove.

extension World {
    // MARK: Removals

    /// Sends the delete of a node.
    ///
    /// - Parameter slot: The slot of the driver that is told of the result.
    mutating func remove(_ name: String, _ slot: Int?, _ index: Int) {
        let delete = Delete(Self.directoryPath.child(name)).makeRequest()
        submit([Call(delete, .removal(slot: slot), staysUntilSessionEnds: true, isUrgent: true)], from: index)
    }

    mutating func removalAnswered(_ name: String, _ slot: Int?, _ answer: Answer, _ index: Int) {
        var result: Result<Void, ZooKeeperError> = .success(())
        if case .failure(let failure) = answer {
            result = .failure(ZooKeeperError(failure.code, execution: failure.execution))
        }
        let verdict = Janitor.verdict(result)
        switch verdict {
        case .removed:
            if isThere(name), isAlive(clients[index].session) {
                fail(.unreported, "\(clients[index].letter) takes \(name) for removed: \(answer.text)")
            }
            clients[index].leftovers.remove(name)
        case .sessionEnded: break
        case .tryAgain: return again(Removal(name: name, slot: slot, isRefused: false), index)
        case .refused:
            keep(name, index)
            again(Removal(name: name, slot: nil, isRefused: true), index)
        }
        if let slot { removed(name, slot, index, verdict) }
    }

    private mutating func again(_ removal: Removal, _ index: Int) {
        // A session that is ending takes the node with it.
        if clients[index].closing.phase > .retiring {
            if let slot = removal.slot { removed(removal.name, slot, index, .sessionEnded) }
        } else {
            clients[index].removals.append(removal)
        }
    }

    mutating func removeAgain(_ position: Int, _ index: Int) {
        let removal = clients[index].removals.remove(at: position)
        if clients[index].closing.phase > .retiring {
            if let slot = removal.slot { removed(removal.name, slot, index, .sessionEnded) }
        } else {
            remove(removal.name, removal.slot, index)
        }
        deliver()
    }

    /// Tells the driver of a contender that its node is gone, or stays. Only the node that it was granted counts:
    /// there may be another with its guid, of a create that was executed twice.
    private mutating func removed(_ name: String, _ slot: Int, _ index: Int, _ verdict: Janitor.Verdict) {
        guard let actor = clients[index].actors[slot], actor.machine.isOver, let own = actor.grant?.name,
            own == name
        else { return }
        let isFirst = !actor.isRemoved
        clients[index].actors[slot]?.isRemoved = true
        settleHold(slot, index)
        guard slot.isMultiple(of: 2), clients[index].callers[slot / 2].phase == .done(.released) else { return }
        if verdict == .refused, isFirst {
            clients[index].callers[slot / 2].phase = .done(.refused)
        } else if verdict != .sessionEnded, isThere(own), isAlive(clients[index].session) {
            // (If the session has ended for the client, the node goes with it.)
            fail(.unreported, "\(clients[index].letter) is told that \(own) is gone, and it is there")
        }
    }

    /// Tells all contenders of the client that a node cannot be removed.
    private mutating func keep(_ name: String, _ index: Int) {
        guard clients[index].leftovers.insert(name).inserted else { return }
        for slot in clients[index].actors.indices {
            guard clients[index].actors[slot]?.machine.isOver == false else { continue }
            leave(.blocked(.init(.noAuth, .refused)), slot, index)
        }
    }

    // MARK: Creates of unknown report

    mutating func look(_ index: Int) {
        let number = clients[index].looks.firstIndex { $0 == nil } ?? clients[index].looks.count
        if number == clients[index].looks.count { clients[index].looks.append(nil) }
        let requests = ContenderMachine.Action.list(syncs: true).requests(in: context(.exclusive))
        clients[index].looks[number] = PipelineAnswers(count: requests.count)
        let calls = requests.enumerated().map { position, request in
            Call(request, .look(number, index: position), staysUntilSessionEnds: true, isUrgent: true)
        }
        submit(calls, from: index)
    }

    mutating func looked(_ number: Int, _ answer: Answer, at position: Int, _ index: Int) {
        let connection = clients[index].connection
        clients[index].looks[number]?.add(answer, at: position, over: connection)
        guard let answers = clients[index].looks[number], answers.isComplete else { return }
        clients[index].looks[number] = nil
        while clients[index].looks.last == .some(nil) { clients[index].looks.removeLast() }
        switch answers.syncedNames {
        case .success(let names): sweep(names, index)
        case .failure(let failure) where [.throttled, .connectionLoss].contains(failure.code):
            if !clients[index].unresolvedCreates.isEmpty { clients[index].looksAgain = true }
        default: break
        }
    }

    mutating func sweep(_ names: ChildNames, _ index: Int) {
        if clients[index].unresolvedCreates.isEmpty { return }
        for name in names {
            guard let stray = clients[index].unresolvedCreates.first(where: { name.hasPrefix($0) }) else { continue }
            clients[index].unresolvedCreates.remove(stray)
            remove(name, nil, index)
        }
        // Without unresolved creates, another list changes nothing.
        if clients[index].unresolvedCreates.isEmpty { clients[index].looksAgain = false }
    }
}
