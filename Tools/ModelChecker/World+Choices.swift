// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

// The choices of a world, and taking one.

extension World {
    package var choices: [Choice] {
        var choices: [Choice] = []
        for client in clients { choices += steps(of: client) }
        for (index, session) in abandoned.enumerated() {
            if !session.late.isEmpty { choices.append(Choice(.late, clients.count + index)) }
            choices.append(Choice(.expireAbandoned, index))
        }
        if isDenied { choices.append(Choice(.permit)) }
        guard budget > 0, haveJoined(before: clients.count) else { return choices }
        for client in clients { choices += faults(of: client) }
        return choices + operators + missed
    }

    private func steps(of client: Client) -> [Choice] {
        var choices: [Choice] = []
        func add(_ kind: Choice.Kind, _ other: Int = 0) { choices.append(Choice(kind, client.index, other)) }
        for (number, caller) in client.callers.enumerated() {
            switch caller.phase {
            case .idle where haveJoined(before: client.index, areSettled: true): add(.start, number)
            case .joining: add(.join, number)
            case .holding where haveJoined(before: clients.count), .upgraded: add(.release, number)
            case .downgrading(let state) where state.step == .pausing: add(.downgradeAgain, number)
            default: break
            }
        }
        if client.isClosed { return choices }
        if client.link != nil {
            if client.executed < client.sent.count, isAlive(client.session) { add(.serve) }
            if !client.inbox.isEmpty { add(.receive) }
            if client.behind != nil { add(.catchUp) }
        } else {
            add(.reconnect)
            for lag in lags(of: client) where isAlive(client.session) { add(.reconnect, lag) }
            if Set(client.watches.map(\.name)).count > 1 { add(.reconnectReversed) }
            if scenario.faults.contains(.move), isAlive(client.session) {
                let orders = Set(client.watches.map(\.name)).count > 1 ? 2 : 1
                for lag in lagsOfMove() { for order in 0..<orders { add(.move, 2 * lag + order) } }
            }
        }
        for slot in client.actors.indices {
            for position in client.actors[slot]?.putOff.indices ?? 0..<0 { add(.resume, slot * 8 + position) }
        }
        if !client.late.isEmpty {
            if isAlive(client.session) { add(.late) }
            add(.dropLate)
        }
        // The requests of an old connection arrive before a session's time-out has passed.
        if client.looksAgain, client.late.isEmpty { add(.look) }
        // Until rights come back, a removal is refused again, and nothing changes.
        for (position, removal) in client.removals.enumerated() where !removal.isRefused || !isDenied {
            add(.removeAgain, position)
        }
        if client.owesNotice { add(.notifyClosing) }
        if client.owesClose { add(.endWhenFree) }
        if client.closing.phase == .draining { add(.closeSession) }
        if client.staysOverdue { add(.inTimeAgain) }
        return choices
    }

    /// Returns `true` if the clients in front of this one know their positions, or if that does not matter.
    ///
    /// - Parameter areSettled: All their requests are answered, too.
    private func haveJoined(before index: Int, areSettled: Bool = false) -> Bool {
        guard scenario.joinsInOrder else { return true }
        return clients.prefix(index).allSatisfy { client in
            (!areSettled || client.sent.isEmpty)
                && client.callers.indices.allSatisfy { number in
                    client.callers[number].isDone || client.callers[number].wasGranted
                        || client.actors[2 * number]?.machine.position != nil
                }
        }
    }

    private func faults(of client: Client) -> [Choice] {
        if client.isClosed { return [] }
        var choices: [Choice] = []
        func add(_ kind: Choice.Kind, _ fault: Scenario.Faults, _ other: Int = 0, if isPossible: Bool) {
            if isPossible, scenario.faults.contains(fault) { choices.append(Choice(kind, client.index, other)) }
        }
        let isUp = client.link != nil
        let alive = isAlive(client.session)
        let hasBegun = client.callers.contains { $0.phase != .idle }
        let isBusy = hasBegun && !(client.isDone && client.sent.isEmpty && !client.hasHeld)
        let unexecuted = client.sent[client.executed...]
        add(.cut, .cut, if: isUp && isBusy)
        add(.cutLate, .cutLate, if: isUp && alive && unexecuted.contains { $0.query.joins })
        add(.expire, .expire, if: alive && isBusy)
        add(.abandon, .abandon, if: !isUp && alive && isBusy)
        // Silence: there is no connection, or an answer does not come.
        let mayBeSilent = !client.isOverdue && !client.isDone && hasBegun && (!isUp || !client.sent.isEmpty)
        add(.overdue, .overdue, if: mayBeSilent)
        add(.overdueForLong, .overdueForLong, if: mayBeSilent)
        add(.expireHeld, .expireHeld, if: !isUp && !(client.again.isEmpty && client.waiting.isEmpty))
        add(.close, .close, if: client.closing.phase == .open && hasBegun && !client.isDone)
        add(.throttle, .throttle, if: isUp && alive && !unexecuted.isEmpty)
        if isUp, alive, splitPosition(client) != nil {
            for lag in [0] + lags(of: client) { add(.split, .split, lag, if: true) }
        }
        for (number, caller) in client.callers.enumerated() {
            add(.leave, .leave, number, if: caller.phase == .waiting)
            let actor = client.actors[2 * number]
            add(
                .holdForLong, .holdForLong, number,
                if: caller.phase == .holding && actor?.grant?.isWatched == false && actor?.putOff.isEmpty == true
                    && !client.watches.contains { $0.node.isOwn && $0.actor == 2 * number }
                    && !client.sent.contains { $0.watched?.isOwn == true && $0.actor == 2 * number })
        }
        add(
            .createTwice, .createTwice,
            if: isUp && alive
                && unexecuted.first?.query.createsContender == true
        )
        return choices
    }

    private var operators: [Choice] {
        var choices: [Choice] = []
        let count = queue.count
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
        guard scenario.faults.contains(.missed), queue.count > 1 else { return [] }
        return clients.filter { client in
            client.link != nil && client.callers.contains { $0.phase == .waiting }
        }.flatMap { client in
            [Choice(.missed, client.index, 0), Choice(.missed, client.index, 1)]
        }
    }

    // MARK: Taking one

    package mutating func take(_ choice: Choice) {
        log = []
        if choice.kind.isFault { budget -= 1 }
        let index = choice.index
        switch choice.kind {
        case .start: start(choice.other, index)
        case .join: join(choice.other, index)
        case .serve: serve(index)
        case .receive: receive(index)
        case .reconnect: reconnect(index, lag: choice.other)
        case .reconnectReversed: reconnect(index, reversed: true)
        case .move: move(index, lag: choice.other / 2, reversed: choice.other % 2 == 1)
        case .catchUp: catchUp(index)
        case .release: release(choice.other, index)
        case .notifyClosing: notifyClosing(index)
        case .endWhenFree: endWhenFree(index)
        case .closeSession: closeSession(index)
        case .inTimeAgain: clients[index].staysOverdue = false
        case .permit: allow(.all)
        case .resume: resume(choice.other / 8, choice.other % 8, index)
        case .downgradeAgain: downgradeAgain(choice.other, index)
        case .removeAgain: removeAgain(choice.other, index)
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
        case .overdueForLong:
            clients[index].isOverdue = true
            clients[index].staysOverdue = true
        case .close: close(index)
        case .throttle: throttle(index)
        case .split: split(index, lag: choice.other)
        case .expireHeld:
            expireHeld(index)
            deliver()
        case .leave: leave(choice.other, index)
        case .delete: operate([Self.step(queue[index].name, .delete(version: -1))])
        case .deleteTwo: deleteTwo(index, choice.other)
        case .missed:
            loseConnection(index, mayBringMore: false)
            deleteTwo(choice.other, 1 - choice.other)
        case .write: operate([Self.step(queue[index].name, .setData(data: [1], version: -1))])
        case .reap: reap()
        case .holdForLong:
            clients[index].actors[2 * choice.other]?.isGuarded = true
            post(.holdingForLong, to: 2 * choice.other, of: index)
            deliver()
        case .createTwice: serve(index, twice: true)
        }
        checkHolders()
        checkLeftovers()
        checkNoticed()
    }

    /// Deletes two nodes in one transaction. Its steps have an order: a contender that is first between them may be
    /// granted, and loses at once.
    private mutating func deleteTwo(_ first: Int, _ second: Int) {
        let queue = queue
        noteFirst(without: queue[first].name)
        operate([first, second].map { Self.step(queue[$0].name, .delete(version: -1)) })
    }

    private mutating func dropLate(_ index: Int) {
        clients[index].late = []
        clients[index].oldLink = nil
    }
}

extension Client {
    var hasHeld: Bool { !(urgent.isEmpty && again.isEmpty && waiting.isEmpty) }
}
