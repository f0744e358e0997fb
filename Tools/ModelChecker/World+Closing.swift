// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

// Closing a client: the real `SessionClosing` decides, and this does what it decides.

extension World {
    /// Begins to close the client. Contenders are told of it a moment later, and another thread may bring an answer
    /// before; so it may before the session is told to end as soon as nothing is held.
    mutating func close(_ index: Int) {
        guard clients[index].closing.retire() else { return }
        clients[index].owesNotice = true
        clients[index].owesClose = true
        // No caller gets a session of this client any more.
        for caller in clients[index].callers.indices where clients[index].callers[caller].phase == .idle {
            clients[index].callers[caller].phase = .done(.closed)
        }
    }

    mutating func notifyClosing(_ index: Int) {
        clients[index].owesNotice = false
        for slot in clients[index].actors.indices {
            guard let actor = clients[index].actors[slot], !actor.machine.isOver, actor.grant == nil else { continue }
            leave(.sessionClosing, slot, index)
        }
    }

    mutating func endWhenFree(_ index: Int) {
        clients[index].owesClose = false
        if clients[index].closing.close() { beginDrain(index) }
        deliver()
    }

    // MARK: Holds

    /// Takes a hold on the session.
    ///
    /// - Returns: `nil` if nothing new may be held.
    mutating func beginHold(at name: String, _ index: Int, isContinued: Bool = false) -> Int? {
        return clients[index].closing.beginHold(
            at: ZNodePath(unchecked: Self.path(of: name)), isContinued: isContinued)
    }

    mutating func endHold(_ number: Int, _ index: Int) {
        if clients[index].closing.endHold(number) { beginDrain(index) }
    }

    /// Notes that the body of this contender has ended.
    mutating func endBody(_ slot: Int, _ index: Int) {
        clients[index].actors[slot]?.isBodyOver = true
        settleHold(slot, index)
    }

    /// Releases the hold on the session when the body has ended and the node is gone.
    mutating func settleHold(_ slot: Int, _ index: Int) {
        guard let actor = clients[index].actors[slot], let hold = actor.hold, actor.isBodyOver, actor.isRemoved else {
            return
        }
        clients[index].actors[slot]?.hold = nil
        endHold(hold, index)
    }

    // MARK: The end

    private mutating func beginDrain(_ index: Int) {
        if isLogging { log.append("\(clients[index].letter)'s session begins to drain") }
        guard clients[index].link == nil else { return }
        let calls = (clients[index].again + clients[index].waiting).joined().map { $0 }
        clients[index].again = []
        clients[index].waiting = []
        for call in calls { finish(call, .failure(.init(.closed, .notSent)), index) }
    }

    /// Closes the session, with a request to the server or without: the requests it has sent may be executed yet, and
    /// then the servers end it.
    mutating func closeSession(_ index: Int) {
        let client = clients[index]
        clients[index].closing.end()
        let unexecuted = client.sent[client.executed...].map(\.query).filter(\.isWrite)
        abandoned.append(
            Abandoned(session: client.session, link: client.link ?? client.oldLink, late: client.late + unexecuted))
        clients[index].wasEndedByOwner = isAlive(client.session) && !client.isOverdue
        tellEnd(.closed, index)
        finishClose(index)
    }

    /// Ends the client with its session: the owner has closed it.
    mutating func finishClose(_ index: Int) {
        let old = clients[index]
        var new = Client(index, old.callers)
        new.actors = old.actors
        new.session = old.session
        new.closing = old.closing
        new.closing.finish()
        new.isClosed = true
        new.wasEndedByOwner = old.wasEndedByOwner
        new.guids = old.guids
        for caller in new.callers.indices {
            switch new.callers[caller].phase {
            case .waiting: fail(.stuck, "\(old.letter) waits in a session that is closed")
            case .idle, .joining: new.callers[caller].phase = .done(.closed)
            // If its session is over by itself, the body has been told.
            case .holding, .upgrading, .upgraded, .downgrading:
                if !old.wasEndedByOwner { new.callers[caller].phase = .done(.lost) }
            case .done: break
            }
        }
        clients[index] = new
    }
}
