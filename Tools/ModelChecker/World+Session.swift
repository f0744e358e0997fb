// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

// A client's session: requests go out and wait, answers and events come in, connections and sessions end.

extension World {
    // MARK: Out

    /// Sends requests back to back if there is a connection; otherwise they wait together, and are certainly not sent.
    mutating func submit(_ calls: [Call], from index: Int) {
        let phase = clients[index].closing.phase
        if clients[index].isSessionOver {
            for call in calls { finish(call, .failure(.init(.sessionLost, .notSent)), index) }
        } else if phase > .draining || (phase == .draining && !calls[0].isUrgent) {
            for call in calls { finish(call, .failure(.init(.closed, .notSent)), index) }
        } else if clients[index].link != nil, clients[index].catchUp == nil || calls[0].isUrgent {
            clients[index].sent += calls
        } else if calls[0].isUrgent {
            clients[index].urgent.append(calls)
        } else {
            clients[index].waiting.append(calls)
        }
    }

    /// Withdraws the requests of this pipeline that wait for a connection.
    mutating func withdraw(actor: Int, slot: Int, of index: Int) {
        func isMeant(_ call: Call) -> Bool {
            if case .pipeline(actor, slot, _) = call.purpose { return true }
            return false
        }
        let withdrawn = clients[index].waiting.filter { $0.contains(where: isMeant) }
        clients[index].waiting.removeAll { $0.contains(where: isMeant) }
        for call in withdrawn.joined() { finish(call, .failure(.init(.cancelled, .notSent)), index) }
    }

    /// Fails the requests that wait for a connection: they have waited too long.
    mutating func expireHeld(_ index: Int) {
        let calls = (clients[index].again + clients[index].waiting).joined().filter { !$0.staysUntilSessionEnds }
        clients[index].again.removeAll { !$0[0].staysUntilSessionEnds }
        clients[index].waiting.removeAll { !$0[0].staysUntilSessionEnds }
        for call in calls { finish(call, .failure(.init(.connectionLoss, .notSent)), index) }
    }

    // MARK: In

    /// Lets the client receive the next message of the server.
    mutating func receive(_ index: Int) {
        switch clients[index].inbox.removeFirst() {
        case .closed:
            if isLogging { log.append("\(clients[index].letter)'s connection is closed by the server") }
            loseConnection(index, mayBringMore: false)
        case .watchesSet(let zxid): clients[index].seen = max(clients[index].seen, zxid)
        case .event(let name, let isGone):
            if isLogging {
                log.append("\(clients[index].letter) sees that \(name) \(isGone ? "is gone" : "has changed")")
            }
            let fired = clients[index].watches.filter { $0.name == name }
            clients[index].watches.removeAll { $0.name == name }
            for watch in fired { fire(watch, isGone: isGone, index) }
        case .answer(let answer, let zxid):
            let call = clients[index].sent.removeFirst()
            if isLogging {
                log.append("\(clients[index].letter) gets the answer to \(call.query.text): \(answer.text)")
            }
            clients[index].executed -= 1
            clients[index].seen = max(clients[index].seen, zxid)
            if call.query.isWrite || call.query.action == .sync, answer.provesLeader, isAlive(clients[index].session),
                !clients[index].staysOverdue
            {
                clients[index].isOverdue = false
            }
            if answer.isNode, let node = call.watched, let actor = call.actor {
                let watch = Watching(node: node, actor: actor)
                if !clients[index].watches.contains(watch) { clients[index].watches.append(watch) }
            }
            finish(call, answer, index)
        }
        deliver()
    }

    mutating func fire(_ watch: Watching, isGone: Bool, _ index: Int) {
        post(watch.node.changed(isGone: isGone, connection: clients[index].connection), to: watch.actor, of: index)
    }

    // MARK: Connections

    mutating func loseConnection(_ index: Int, mayBringMore: Bool) {
        if mayBringMore {
            clients[index].late += clients[index].sent[clients[index].executed...].map(\.query)
                .filter(\.isWrite)
        }
        dropLink(index, mayBringMore: mayBringMore)
        let lost = clients[index].sent
        clients[index].sent = []
        clients[index].executed = 0
        clients[index].inbox = []
        for call in lost {
            if call.purpose == .catchUp { continue }
            if !call.staysUntilSessionEnds, !call.isRepeated || clients[index].closing.phase > .retiring {
                finish(call, .failure(.init(.connectionLoss, .unknown)), index)
            } else if call.isUrgent {
                clients[index].urgent.append([call])
            } else {
                clients[index].again.append([call])
            }
        }
        deliver()
    }

    /// Connects the client again.
    ///
    /// - Parameter lag: The number of states that the next server lags behind.
    mutating func reconnect(_ index: Int, reversed: Bool = false, lag: Int = 0, inFront: [Call] = []) {
        guard connect(index, reversed: reversed, lag: lag) else {
            if isLogging { log.append("\(clients[index].letter) hears that its session has expired") }
            for call in inFront { finish(call, .failure(.init(.sessionLost, .unknown)), index) }
            return loseSession(index)
        }
        clients[index].connection += 1
        let first = beginningOfCatchUp(clients[index])
        let urgent = clients[index].urgent
        clients[index].urgent = []
        clients[index].sent += inFront + first + urgent.joined()
        guard clients[index].catchUp == nil else { return }
        let held = clients[index].again + clients[index].waiting
        clients[index].again = []
        clients[index].waiting = []
        clients[index].sent += held.joined()
    }

    /// The index at which the last pipeline that was handed over can be split: its last request has not been executed,
    /// and at least one is in front of it.
    func splitPosition(_ client: Client) -> Int? {
        let last = client.sent.count - 1
        guard last > 0, client.executed <= last, client.sent[last].isBehind(client.sent[last - 1]) else { return nil }
        return last
    }

    /// Loses the connection between two requests of a pipeline. The thread that hands them over does not notice: the
    /// last one goes out by the next connection, in front of all that are sent again.
    mutating func split(_ index: Int, lag: Int) {
        guard let position = splitPosition(clients[index]) else { return }
        let tail = Array(clients[index].sent[position...])
        clients[index].sent.removeSubrange(position...)
        loseConnection(index, mayBringMore: false)
        reconnect(index, lag: lag, inFront: tail)
        deliver()
    }

    // MARK: Sessions

    /// Lets the client give up while the server keeps the session.
    mutating func abandon(_ index: Int) {
        abandoned.append(
            Abandoned(session: clients[index].session, link: clients[index].oldLink, late: clients[index].late))
        loseSession(index)
    }

    /// Tells all contenders that the session is over.
    mutating func tellEnd(_ code: ZooKeeperError.Code, _ index: Int) {
        clients[index].isSessionOver = true
        let calls = (clients[index].urgent + clients[index].again + clients[index].waiting).joined().map { $0 }
        let sent = clients[index].sent
        clients[index].urgent = []
        clients[index].again = []
        clients[index].waiting = []
        clients[index].sent = []
        for call in sent { finish(call, .failure(.init(code, .unknown)), index) }
        for call in calls { finish(call, .failure(.init(code, .notSent)), index) }
        let watches = clients[index].watches
        clients[index].watches = []
        for watch in watches { post(.sessionLost, to: watch.actor, of: index) }
        deliver()
        // Actions that were put off find out when they are taken.
        for slot in clients[index].actors.indices {
            clients[index].actors[slot]?.putOff.removeAll { if case .check? = $0.first { true } else { false } }
            while clients[index].actors[slot]?.putOff.isEmpty == false { resume(slot, 0, index) }
        }
        deliver()
    }

    /// Ends the session for the client: all contenders are told, and those that wait join again in the next one.
    mutating func loseSession(_ index: Int) {
        tellEnd(.sessionLost, index)
        if clients[index].closing.phase != .open { return finishClose(index) }
        let old = clients[index]
        var new = Client(index, old.callers)
        new.guids = old.guids
        for (number, caller) in old.callers.enumerated() {
            new.callers[number].oldHold = nil
            switch caller.phase {
            case .holding, .upgrading, .upgraded, .downgrading: new.callers[number].phase = .done(.lost)
            case .waiting: fail(.stuck, "\(old.letter) waits, and is not told that its session is over")
            case .idle, .joining, .done: break
            }
        }
        clients[index] = new
        openSession(index)
        // Joins again at the end of the queue, under a new guid.
        for number in new.callers.indices
        where new.callers[number].phase == .joining
            || (new.callers[number].phase == .idle && old.actors[2 * number] != nil)
        {
            start(number, index)
        }
    }
}
