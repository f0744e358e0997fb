// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

// The driver of a machine: its actions become requests, the answers of a pipeline become an event.

extension World {
    // MARK: Events

    mutating func post(_ event: ContenderMachine.Event, to actor: Int, of index: Int) {
        events.append((index, actor, event))
    }

    /// Delivers the events in the order in which the session saw them, one after the other.
    mutating func deliver() {
        if isDelivering { return }
        isDelivering = true
        while !events.isEmpty {
            let (index, slot, event) = events.removeFirst()
            let isInTime = !clients[index].isOverdue
            guard var machine = clients[index].actors[slot]?.machine else { continue }
            let guid = clients[index].nextGUID
            var joins = false
            func joining() -> String {
                joins = true
                return guid
            }
            let actions = machine.handle(event, isInTime: isInTime, guid: joining())
            clients[index].actors[slot]?.machine = machine
            if joins { begins(guid, slot, index) }
            if isLogging { log.append("\(clients[index].letter): \(event)\(isInTime ? "" : " (past the deadline)")") }
            perform(actions, slot, index)
            if clients[index].actors[slot]?.machine.isOver == true { dropWatches(of: slot, index) { _ in true } }
        }
        isDelivering = false
    }

    /// Notes that a contender joins the queue under this guid.
    private mutating func begins(_ guid: String, _ slot: Int, _ index: Int) {
        clients[index].guids += 1
        // With so few faults no contender joins again so often. States with ever new guids are no circle.
        if clients[index].guids > 24 { fail(.spins, "\(clients[index].letter) joins again and again") }
        clients[index].actors[slot]?.guid = guid
        clients[index].actors[slot]?.wereFirst = []
    }

    private mutating func perform(_ actions: [ContenderMachine.Action], _ slot: Int, _ index: Int) {
        for (position, action) in actions.enumerated() {
            if isLogging { log.append("    -> \(action)") }
            switch action {
            case .backOff:
                clients[index].actors[slot]?.putOff.append(Array(actions[(position + 1)...]))
                return
            case .check: clients[index].actors[slot]?.putOff.append([action])
            default: perform(action, slot, index)
            }
        }
    }

    /// Takes the actions that were put off, unless the caller has left meanwhile.
    mutating func resume(_ slot: Int, _ position: Int, _ index: Int) {
        guard let actor = clients[index].actors[slot] else { return }
        clients[index].actors[slot]?.putOff.remove(at: position)
        let actions = actor.putOff[position]
        if actor.machine.isLeaving {
            // Nothing has been sent.
            post(ContenderMachine.Action.withdrawn(over: clients[index].connection), to: slot, of: index)
        } else if !actor.machine.isOver {
            if case .check? = actions.first { send(actions[0], slot, index) } else { perform(actions, slot, index) }
        }
        deliver()
    }

    private mutating func perform(_ action: ContenderMachine.Action, _ slot: Int, _ index: Int) {
        switch action {
        case .probe, .enqueue, .list, .watch, .relist: send(action, slot, index)
        case .grant(let grant): granted(grant, slot, index)
        case .lose: lost(slot, index)
        case .delete(let name): remove(name, slot, index)
        case .backOff, .check: break
        case .resolveCreate(let guid):
            clients[index].unresolvedCreates.insert("_c_\(guid)-")
            clients[index].looksAgain = true
            look(index)
        case .fail(let reason): failed(reason, slot, index)
        }
    }

    /// Releases the watches of an actor: their events are ignored.
    mutating func dropWatches(of slot: Int, _ index: Int, _ isDropped: (WatchedNode) -> Bool) {
        clients[index].watches.removeAll { $0.actor == slot && isDropped($0.node) }
        func drop(_ call: inout Call) {
            if call.actor == slot, let node = call.watched, isDropped(node) { call.watched = nil }
        }
        for position in clients[index].sent.indices { drop(&clients[index].sent[position]) }
        for queue in clients[index].waiting.indices {
            for position in clients[index].waiting[queue].indices { drop(&clients[index].waiting[queue][position]) }
        }
    }

    // MARK: Pipelines

    func context(_ policy: ContentionPolicy) -> ContenderMachine.Context {
        ContenderMachine.Context(
            directory: Self.directoryPath, dialect: scenario.dialect, kind: policy.kind, data: [], accessControl: .open)
    }

    /// Sends the requests of an action.
    private mutating func send(_ action: ContenderMachine.Action, _ slot: Int, _ index: Int) {
        guard let actor = clients[index].actors[slot] else { return }
        let requests = action.requests(in: context(actor.policy))
        let watched = action.watchedNodes
        var pipeline = Pipeline(action: action, answers: PipelineAnswers(count: requests.count))
        if clients[index].callers[slot / 2].role.cannotWatch, !watched.isEmpty {
            for position in requests.indices {
                pipeline.answers.add(
                    .failure(.init(.watchBudgetExceeded, .notSent)), at: position, over: clients[index].connection)
            }
            return post(action.event(from: pipeline.answers), to: slot, of: index)
        }
        for node in watched {
            guard let node else { continue }
            dropWatches(of: slot, index) { node.replaces($0) }
        }
        let free = actor.pipelines.firstIndex { $0 == nil } ?? actor.pipelines.count
        if free == actor.pipelines.count { clients[index].actors[slot]?.pipelines.append(nil) }
        clients[index].actors[slot]?.pipelines[free] = pipeline
        let calls = requests.enumerated().map { position, request in
            Call(
                request, .pipeline(actor: slot, slot: free, index: position),
                watched: watched.indices.contains(position) ? watched[position] : nil,
                staysUntilSessionEnds: action.isRepeated)
        }
        submit(calls, from: index)
        if case .enqueue = action { clients[index].actors[slot]?.enqueuing = free }
    }

    /// Takes the answer to a request, or the certainty that there will be none.
    mutating func finish(_ call: Call, _ answer: Answer, _ index: Int) {
        switch call.purpose {
        case .ignored: break
        case .catchUp: caughtUp(answer, index)
        case .renewal: renewed(call, answer, index)
        case .removal(let slot): removalAnswered(call.query.name, slot, answer, index)
        case .look(let number, let position): looked(number, answer, at: position, index)
        case .downgrade(let caller): downgradeAnswered(answer, caller, index)
        case .pipeline(let slot, let number, let position):
            if case .success(.children(let names, _)) = answer { sweep(names, index) }
            let connection = clients[index].connection
            clients[index].actors[slot]?.pipelines[number]?.answers.add(answer, at: position, over: connection)
            guard let pipeline = clients[index].actors[slot]?.pipelines[number], pipeline.answers.isComplete else {
                return
            }
            clients[index].actors[slot]?.pipelines[number] = nil
            while clients[index].actors[slot]?.pipelines.last == .some(nil) {
                clients[index].actors[slot]?.pipelines.removeLast()
            }
            if clients[index].actors[slot]?.enqueuing == number { clients[index].actors[slot]?.enqueuing = nil }
            post(pipeline.action.event(from: pipeline.answers), to: slot, of: index)
        }
    }
}
