import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

// What may happen next, and making it happen.

extension World {
    package var choices: [Choice] {
        var choices: [Choice] = []
        for client in clients { choices += steps(of: client) }
        for (index, session) in abandoned.enumerated() {
            if !session.late.isEmpty { choices.append(Choice(.late, clients.count + index)) }
            choices.append(Choice(.expireAbandoned, index))
        }
        guard budget > 0 else { return choices }
        for client in clients { choices += faults(of: client) }
        return choices + operators + missed
    }

    private func steps(of client: Client) -> [Choice] {
        var choices: [Choice] = []
        func add(_ kind: Choice.Kind) { choices.append(Choice(kind, client.index)) }
        if client.stage == .idle { add(.start) }
        if client.link != nil {
            if client.executed < client.sent.count, isAlive(client.session) { add(.serve) }
            if !client.inbox.isEmpty { add(.receive) }
        } else {
            add(.reconnect)
            if Set(client.watches.map(\.name)).count > 1 { add(.reconnectReversed) }
        }
        if client.stage == .holding || client.stage == .upgraded { add(.release) }
        if !client.late.isEmpty {
            if isAlive(client.session) { add(.late) }
            add(.dropLate)
        }
        // What an old connection may still bring, it brings before a session's time-out has gone by.
        if client.looksAgain, client.late.isEmpty { add(.look) }
        return choices
    }

    private func faults(of client: Client) -> [Choice] {
        var choices: [Choice] = []
        func add(_ kind: Choice.Kind, _ fault: Scenario.Faults, if isPossible: Bool) {
            if isPossible, scenario.faults.contains(fault) { choices.append(Choice(kind, client.index)) }
        }
        let isUp = client.link != nil
        let alive = isAlive(client.session)
        let isBusy = client.stage != .idle && !(client.isDone && client.sent.isEmpty && !client.hasHeld)
        let unexecuted = client.sent[client.executed...]
        add(.cut, .cut, if: isUp && isBusy)
        add(.cutLate, .cutLate, if: isUp && alive && unexecuted.contains { $0.operation.joins })
        add(.expire, .expire, if: alive && isBusy)
        add(.abandon, .abandon, if: !isUp && alive && isBusy)
        // Silence: there is no connection, or an answer does not come.
        add(
            .overdue, .overdue,
            if: !client.isOverdue && !client.isDone && client.stage != .idle && (!isUp || !client.sent.isEmpty))
        add(.expireHeld, .expireHeld, if: !isUp && !(client.again.isEmpty && client.waiting.isEmpty))
        add(.leave, .leave, if: client.stage == .waiting)
        add(
            .holdForLong, .holdForLong,
            if: client.stage == .holding && client.actors[0]?.grant?.isWatched == false
                && !client.watches.contains { $0.watcher == .own } && !client.sent.contains { $0.watcher == .own })
        add(
            .createTwice, .createTwice,
            if: isUp && alive
                && unexecuted.first.map { if case .create = $0.operation { true } else { false } }
                    ?? false
        )
        return choices
    }

    private var operators: [Choice] {
        var choices: [Choice] = []
        let count = line.count
        if scenario.faults.contains(.delete) { choices += (0..<count).map { Choice(.delete, $0) } }
        if scenario.faults.contains(.write) { choices += (0..<count).map { Choice(.write, $0) } }
        if scenario.faults.contains(.deleteTwo) {
            for first in 0..<count {
                for second in 0..<count where first != second { choices.append(Choice(.deleteTwo, first, second)) }
            }
        }
        if scenario.faults.contains(.reap), !server.reapable.isEmpty { choices.append(Choice(.reap)) }
        return choices
    }

    private var missed: [Choice] {
        guard scenario.faults.contains(.missed), line.count > 1 else { return [] }
        return clients.filter { $0.link != nil && $0.stage == .waiting }.flatMap { client in
            [Choice(.missed, client.index, 0), Choice(.missed, client.index, 1)]
        }
    }

    // MARK: Taking one

    package mutating func take(_ choice: Choice) {
        log = []
        if choice.kind.isFault { budget -= 1 }
        let index = choice.index
        switch choice.kind {
        case .start: start(index)
        case .serve: serve(index)
        case .receive: receive(index)
        case .reconnect: reconnect(index, reversed: false)
        case .reconnectReversed: reconnect(index, reversed: true)
        case .release: release(index)
        case .late where index >= clients.count: executeLate(abandoned: index - clients.count)
        case .late: executeLate(index)
        case .dropLate: dropLate(index)
        case .look:
            clients[index].looksAgain = false
            look(index)
        case .expireAbandoned:
            let session = abandoned.remove(at: index)
            expire(session.session)
        case .cut: loseConnection(index, mayBringMore: false)
        case .cutLate: loseConnection(index, mayBringMore: true)
        case .expire:
            clients[index].isOverdue = true
            clients[index].late = []
            expire(clients[index].session)
        case .abandon: abandon(index)
        case .overdue: clients[index].isOverdue = true
        case .expireHeld:
            expireHeld(index)
            deliver()
        case .leave: leave(index)
        case .delete: operate([.delete(path: Self.path(of: line[index].name), version: -1)])
        case .deleteTwo: deleteTwo(index, choice.other)
        case .missed:
            loseConnection(index, mayBringMore: false)
            deleteTwo(choice.other, 1 - choice.other)
        case .write: operate([.setData(path: Self.path(of: line[index].name), data: [1], version: -1)])
        case .reap: reap()
        case .holdForLong:
            clients[index].actors[0]?.isGuarded = true
            post(.holdingForLong, to: 0, of: index)
            deliver()
        case .createTwice: serve(index, twice: true)
        }
        checkHolders()
        checkNoticed()
    }

    /// One transaction, but its steps have an order: who stands first between them may be granted, and loses at once.
    private mutating func deleteTwo(_ first: Int, _ second: Int) {
        let line = line
        noteFirst(without: line[first].name)
        operate([first, second].map { .delete(path: Self.path(of: line[$0].name), version: -1) })
    }

    private mutating func dropLate(_ index: Int) {
        clients[index].late = []
        clients[index].oldLink = nil
    }
}

extension Client {
    var hasHeld: Bool { !(urgent.isEmpty && again.isEmpty && waiting.isEmpty) }
}
