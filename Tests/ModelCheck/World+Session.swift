import ZooKeeper
import ZooKeeperRecipes

// What a client's session does: requests go out and wait, answers and events come in, connections and sessions end.

extension World {
    // MARK: Out

    /// Requests go back to back if there is a connection; otherwise they wait together, and are certainly not sent.
    mutating func submit(_ calls: [Call], from index: Int) {
        if clients[index].isSessionOver {
            for call in calls { finish(call, .failure(.init(.sessionLost, .notSent)), index) }
        } else if clients[index].link != nil {
            clients[index].sent += calls
        } else if calls[0].isUrgent {
            clients[index].urgent.append(calls)
        } else {
            clients[index].waiting.append(calls)
        }
    }

    /// What waits for a connection, and belongs to this flight, is not wanted any more.
    mutating func withdraw(actor: Int, slot: Int, of index: Int) {
        func isMeant(_ call: Call) -> Bool {
            if case .flight(actor, slot, _) = call.purpose { return true }
            return false
        }
        let withdrawn = clients[index].waiting.filter { $0.contains(where: isMeant) }
        clients[index].waiting.removeAll { $0.contains(where: isMeant) }
        for call in withdrawn.joined() { finish(call, .failure(.init(.cancelled, .notSent)), index) }
    }

    /// What has been waiting for a connection has waited too long.
    mutating func expireHeld(_ index: Int) {
        let calls = (clients[index].again + clients[index].waiting).joined().filter { !$0.staysUntilSessionEnds }
        clients[index].again.removeAll { !$0[0].staysUntilSessionEnds }
        clients[index].waiting.removeAll { !$0[0].staysUntilSessionEnds }
        for call in calls { finish(call, .failure(.init(.connectionLoss, .notSent)), index) }
    }

    // MARK: In

    /// The client takes the next thing the server sent.
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
                log.append("\(clients[index].letter) gets the answer to \(call.operation.text): \(answer.text)")
            }
            clients[index].executed -= 1
            clients[index].seen = max(clients[index].seen, zxid)
            if call.operation.isWrite || call.operation == .sync, isAlive(clients[index].session) {
                clients[index].isOverdue = false
            }
            if case .read(let name) = answer, call.watcher != .nobody, let actor = call.actor {
                let watch = Watching(name: name, actor: actor, watcher: call.watcher)
                if !clients[index].watches.contains(watch) { clients[index].watches.append(watch) }
            }
            finish(call, answer, index)
        }
        deliver()
    }

    private mutating func fire(_ watch: Watching, isGone: Bool, _ index: Int) {
        let connection = clients[index].connection
        switch watch.watcher {
        case .blocker:
            post(.blockerChanged(watch.name, isGone: isGone, connection: connection), to: watch.actor, of: index)
        case .own: post(.ownChanged(watch.name, isGone: isGone), to: watch.actor, of: index)
        case .nobody: break
        }
    }

    // MARK: Connections

    mutating func loseConnection(_ index: Int, mayBringMore: Bool) {
        if mayBringMore {
            clients[index].late += clients[index].sent[clients[index].executed...].map(\.operation)
                .filter(\.isWrite)
        }
        dropLink(index, mayBringMore: mayBringMore)
        let lost = clients[index].sent
        clients[index].sent = []
        clients[index].executed = 0
        clients[index].inbox = []
        for call in lost {
            if !call.staysUntilSessionEnds {
                finish(call, .failure(.init(.connectionLoss, .unknown)), index)
            } else if call.isUrgent {
                clients[index].urgent.append([call])
            } else {
                clients[index].again.append([call])
            }
        }
        deliver()
    }

    mutating func reconnect(_ index: Int, reversed: Bool) {
        guard connect(index, reversed: reversed) else {
            if isLogging { log.append("\(clients[index].letter) hears that its session has expired") }
            return loseSession(index)
        }
        clients[index].connection += 1
        let held = clients[index].urgent + clients[index].again + clients[index].waiting
        clients[index].urgent = []
        clients[index].again = []
        clients[index].waiting = []
        clients[index].sent += held.joined()
    }

    // MARK: Sessions

    /// The client gives up while the server keeps the session.
    mutating func abandon(_ index: Int) {
        abandoned.append(
            Abandoned(session: clients[index].session, link: clients[index].oldLink, late: clients[index].late))
        loseSession(index)
    }

    /// The session is over for the client: everybody is told; who waits joins again in the next one.
    mutating func loseSession(_ index: Int) {
        clients[index].isSessionOver = true
        let calls =
            (clients[index].urgent + clients[index].again + clients[index].waiting).joined().map { $0 }
        clients[index].urgent = []
        clients[index].again = []
        clients[index].waiting = []
        for call in clients[index].sent { finish(call, .failure(.init(.sessionLost, .unknown)), index) }
        for call in calls { finish(call, .failure(.init(.sessionLost, .notSent)), index) }
        let watches = clients[index].watches
        clients[index].watches = []
        for watch in watches where watch.watcher != .nobody { post(.sessionLost, to: watch.actor, of: index) }
        deliver()
        let old = clients[index]
        var new = Client(index, old.part)
        new.stage = old.stage
        new.wasGranted = old.wasGranted
        new.marks = old.marks
        switch old.stage {
        case .holding, .upgrading, .upgraded: new.stage = .done(.lost)
        case .waiting: fail(.stuck, "\(old.letter) waits, and is not told that its session is over")
        case .idle, .done: break
        }
        clients[index] = new
        openSession(index)
        // Joins again at the end of the line, under a new mark.
        if clients[index].stage == .idle, old.stage == .idle, old.actors[0] != nil { start(index) }
    }
}

extension Answer {
    var text: String {
        switch self {
        case .failure(let failure): "\(failure.code), \(failure.outcome)"
        case .created(let name): "created \(name)"
        case .names(let names): "[\(names.joined(separator: " "))]"
        case .read: "it is there"
        case .done: "done"
        }
    }
}
