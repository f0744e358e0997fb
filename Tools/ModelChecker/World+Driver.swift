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
            guard let actions = clients[index].actors[slot]?.machine.handle(event, isInTime: isInTime) else { continue }
            if isLogging { log.append("\(clients[index].letter): \(event)\(isInTime ? "" : " (past the deadline)")") }
            perform(actions, slot, index)
            if clients[index].actors[slot]?.machine.isOver == true {
                dropWatches(of: slot, index) { watcher, _ in watcher != .released }
            }
        }
        isDelivering = false
    }

    private mutating func perform(_ actions: [ContenderMachine.Action], _ slot: Int, _ index: Int) {
        for (position, action) in actions.enumerated() {
            if isLogging { log.append("    -> \(action)") }
            switch action {
            case .backOff:
                if ModelFlaw.neverBacksOff.isPlanted { continue }
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
            let failure = ContenderMachine.Failure(.cancelled, .notSent)
            post(
                .enqueued(
                    create: .failure(failure), list: .failure(failure), parents: nil,
                    connection: clients[index].connection), to: slot, of: index)
        } else if !actor.machine.isOver {
            if case .check(let name)? = actions.first {
                send(
                    .check, [Call(operation: .exists(name), purpose: .ignored, staysUntilSessionEnds: true)], slot,
                    index
                )
            } else {
                perform(actions, slot, index)
            }
        }
        deliver()
    }

    private mutating func perform(_ action: ContenderMachine.Action, _ slot: Int, _ index: Int) {
        switch action {
        case .makeGUID:
            let guid = clients[index].makeGUID()
            // With so few faults no contender joins again so often. States with ever new guids are no circle.
            if clients[index].guids > 24 { return fail(.spins, "\(clients[index].letter) joins again and again") }
            clients[index].actors[slot]?.guid = guid
            clients[index].actors[slot]?.wereFirst = []
            post(.guid(guid), to: slot, of: index)
        case .probe: send(.probe, [Call(operation: .list, purpose: .ignored)], slot, index)
        case .enqueue(let guid, let createsParents, let old): enqueue(guid, createsParents, old, slot, index)
        case .list(let syncs):
            send(
                syncs ? .syncedList : .list,
                ((syncs ? [.sync] : []) + [.list]).map {
                    Call(operation: $0, purpose: .ignored, staysUntilSessionEnds: true)
                }, slot, index)
        case .watch(let blocker, let second, let own): watch(blocker, second, own, slot, index)
        case .relist(let own):
            dropWatches(of: slot, index) { watcher, _ in watcher == .own }
            send(
                .relist,
                [
                    Call(operation: .list, purpose: .ignored),
                    Call(operation: .get(own), purpose: .ignored, watcher: .own),
                ],
                slot, index)
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

    private mutating func enqueue(
        _ guid: String, _ createsParents: Bool, _ old: String?, _ slot: Int, _ index: Int
    ) {
        let prefix = scenario.dialect.prefix(for: guid, clients[index].actors[slot]?.policy.kind ?? .exclusive)
        var operations: [Operation] = []
        var isExchange = false
        if let old, !createsParents {
            isExchange = true
            operations = [.exchange(old: old, prefix: prefix), .list]
        } else {
            operations = (createsParents ? [.createDirectory] : []) + [.create(prefix: prefix), .list]
        }
        let number = send(
            .enqueue(isExchange: isExchange), operations.map { Call(operation: $0, purpose: .ignored) }, slot, index)
        clients[index].actors[slot]?.enqueuing = number
    }

    private mutating func watch(
        _ blocker: String?, _ second: String?, _ own: String?, _ slot: Int, _ index: Int
    ) {
        var calls: [Call] = []
        if blocker == nil, own != nil, clients[index].callers[slot / 2].role.cannotWatch {
            let failure = ContenderMachine.Failure(.watchBudgetExceeded, .notSent)
            return post(
                .watched(own: .failure(failure), connection: clients[index].connection), to: slot,
                of: index)
        }
        if let blocker {
            dropWatches(of: slot, index) { watcher, name in
                watcher == .blocker || (watcher == .second && name == blocker)
            }
            calls.append(Call(operation: .get(blocker), purpose: .ignored, watcher: .blocker))
        }
        if let second {
            dropWatches(of: slot, index) { watcher, _ in watcher == .second }
            calls.append(Call(operation: .get(second), purpose: .ignored, watcher: .second))
        }
        if let own {
            dropWatches(of: slot, index) { watcher, _ in watcher == .own }
            calls.append(Call(operation: .get(own), purpose: .ignored, watcher: .own))
        }
        send(.watch(blocker: blocker, second: second, own: own), calls, slot, index)
    }

    /// Releases the watches of an actor: their events are ignored.
    mutating func dropWatches(of slot: Int, _ index: Int, _ isDropped: (Watcher, String) -> Bool) {
        clients[index].watches.removeAll { $0.actor == slot && isDropped($0.watcher, $0.name) }
        func drop(_ call: inout Call) {
            guard call.actor == slot, case .get(let name) = call.operation, isDropped(call.watcher, name) else {
                return
            }
            call.watcher = .released
        }
        for position in clients[index].sent.indices { drop(&clients[index].sent[position]) }
        for queue in clients[index].waiting.indices {
            for position in clients[index].waiting[queue].indices { drop(&clients[index].waiting[queue][position]) }
        }
    }

    // MARK: Pipelines

    @discardableResult
    private mutating func send(_ kind: Pipeline.Kind, _ calls: [Call], _ slot: Int, _ index: Int) -> Int {
        guard var actor = clients[index].actors[slot] else { return 0 }
        let pipeline = Pipeline(kind: kind, answers: Array(repeating: nil, count: calls.count))
        let free = actor.pipelines.firstIndex { $0 == nil } ?? actor.pipelines.count
        if free == actor.pipelines.count { actor.pipelines.append(nil) }
        actor.pipelines[free] = pipeline
        clients[index].actors[slot] = actor
        let numbered = calls.enumerated().map { position, call in
            var call = call
            call.purpose = .pipeline(actor: slot, slot: free, index: position)
            return call
        }
        submit(numbered, from: index)
        return free
    }

    /// Takes the answer to a request, or the certainty that there will be none.
    mutating func finish(_ call: Call, _ answer: Answer, _ index: Int) {
        switch call.purpose {
        case .ignored: break
        case .removal(let slot): removalAnswered(call.operation, slot, answer, index)
        case .look(let number, let isSync): looked(number, answer, isSync: isSync, index)
        case .downgrade(let caller): downgradeAnswered(call.operation, answer, caller, index)
        case .pipeline(let slot, let number, let position):
            clients[index].actors[slot]?.pipelines[number]?.answers[position] = answer
            if clients[index].actors[slot]?.pipelines[number]?.kind == .syncedList {
                let connection = clients[index].connection
                clients[index].actors[slot]?.pipelines[number]?.synced
                    .add(answer, isSync: call.operation == .sync, connection)
            }
            guard let pipeline = clients[index].actors[slot]?.pipelines[number] else { return }
            let answers = pipeline.answers.compactMap(\.self)
            guard answers.count == pipeline.answers.count else { return }
            clients[index].actors[slot]?.pipelines[number] = nil
            while clients[index].actors[slot]?.pipelines.last == .some(nil) {
                clients[index].actors[slot]?.pipelines.removeLast()
            }
            if clients[index].actors[slot]?.enqueuing == number { clients[index].actors[slot]?.enqueuing = nil }
            post(event(pipeline, answers, index), to: slot, of: index)
        }
    }

    private mutating func event(_ pipeline: Pipeline, _ answers: [Answer], _ index: Int) -> ContenderMachine.Event {
        let connection = clients[index].connection
        switch pipeline.kind {
        case .probe: return .probed(names(answers[0], index))
        case .list: return .listed(names(answers[0], index), connection: connection)
        case .syncedList:
            return .listed(names(pipeline.synced.result ?? .done, index), connection: connection)
        case .check:
            switch answers[0] {
            case .failure(let failure) where failure.code == .noNode: return .checked(.success(false))
            case .failure(let failure): return .checked(.failure(failure))
            default: return .checked(.success(true))
            }
        case .watch(let blocker, let second, let own):
            return .watched(
                blocker: blocker == nil ? nil : token(answers[0]),
                second: second == nil ? nil : token(answers[blocker == nil ? 0 : 1]),
                own: own == nil ? nil : token(answers[answers.count - 1]), connection: connection)
        case .relist: return .relisted(names(answers[0], index), own: token(answers[1]), connection: connection)
        case .enqueue(let isExchange):
            let create: Result<ContenderMachine.Created, ContenderMachine.Failure> =
                switch answers[answers.count - 2] {
                case .created(let name): .success(.init(name: name, czxid: isExchange ? nil : token(of: name)))
                case .failure(let failure): .failure(failure)
                default: .failure(.init(.protocolViolation, .unknown))
                }
            var parents: ContenderMachine.Failure?
            if answers.count == 3, case .failure(let failure) = answers[0], failure.code != .nodeExists {
                parents = failure
            }
            return .enqueued(
                create: create, list: names(answers[answers.count - 1], index), parents: parents,
                connection: connection)
        }
    }

    private mutating func names(_ answer: Answer, _ index: Int) -> Result<[String], ContenderMachine.Failure> {
        switch answer {
        case .names(let names):
            sweep(names, index)
            return .success(names)
        case .failure(let failure): return .failure(failure)
        default: return .success([])
        }
    }

    private func token(_ answer: Answer) -> Result<Zxid, ContenderMachine.Failure> {
        switch answer {
        case .read(let name): .success(token(of: name))
        case .failure(let failure): .failure(failure)
        default: .failure(.init(.protocolViolation, .unknown))
        }
    }
}
