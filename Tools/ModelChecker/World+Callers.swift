// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

// The callers: they acquire the lock, use it, go on to the next step of their role, release, or leave.

extension World {
    /// Lets a caller acquire the lock, unless a node that cannot be removed is in the way.
    mutating func start(_ caller: Int, _ index: Int) {
        for leftover in clients[index].leftovers.sorted() {
            if isThere(leftover) {
                clients[index].callers[caller].phase = .done(.blocked)
                return
            }
            clients[index].leftovers.remove(leftover)
        }
        // Between this look and the next step, a node may turn out not to be removable.
        if scenario.isDenied {
            clients[index].callers[caller].phase = .joining
        } else {
            join(caller, index)
        }
    }

    mutating func join(_ caller: Int, _ index: Int) {
        let role = clients[index].callers[caller].role
        let machine = ContenderMachine(dialect: scenario.dialect, policy: role.policy, mode: role.mode)
        clients[index].callers[caller].phase = .waiting
        begin(Actor(machine, role.policy), 2 * caller, index)
        deliver()
    }

    /// Starts a machine, as its driver does.
    private mutating func begin(_ actor: Actor, _ slot: Int, _ index: Int) {
        clients[index].actors[slot] = actor
        if clients[index].closing.phase != .open, !clients[index].owesNotice {
            post(.sessionClosing, to: slot, of: index)
        }
        if !clients[index].leftovers.isEmpty {
            post(.blocked(.init(.noAuth, .refused)), to: slot, of: index)
        }
        post(.start, to: slot, of: index)
    }

    /// Ends the body of the holder: it releases, or goes on to the next step of its role.
    mutating func release(_ caller: Int, _ index: Int) {
        let client = clients[index]
        let slot = 2 * caller
        guard let actor = client.actors[slot], let grant = actor.grant else { return }
        let role = client.callers[caller].role
        func end(_ end: Caller.End, _ world: inout World) {
            world.clients[index].callers[caller].phase = .done(end)
            world.post(.released, to: slot, of: index)
            world.deliver()
            world.endBody(slot, index)
        }
        if client.callers[caller].phase == .upgraded {
            clients[index].callers[caller].phase = .holding
            post(.released, to: slot + 1, of: index)
            deliver()
            endBody(slot + 1, index)
        } else if client.isOverdue || client.isClosed {
            // It has lost its lease: nothing is done with it any more.
            end(.lost, &self)
        } else if role.terms > 1 {
            requeue(caller, grant.name, index)
        } else if role.downgrades {
            becomeReader(caller, index, grant)
        } else if role.upgrades {
            tryToWrite(caller, beside: grant.name, index)
        } else {
            end(.released, &self)
        }
        deliver()
    }

    private mutating func requeue(_ caller: Int, _ old: String, _ index: Int) {
        let slot = 2 * caller
        clients[index].callers[caller].oldHold = clients[index].actors[slot]?.hold
        forgetActor(slot, index)
        clients[index].callers[caller].role.terms -= 1
        clients[index].callers[caller].phase = .waiting
        let policy = clients[index].callers[caller].role.policy
        let machine = ContenderMachine(dialect: scenario.dialect, policy: policy, mode: .wait, replacing: old)
        begin(Actor(machine, policy), slot, index)
    }

    private mutating func tryToWrite(_ caller: Int, beside name: String, _ index: Int) {
        clients[index].callers[caller].role.upgrades = false
        clients[index].callers[caller].phase = .upgrading
        let machine = ContenderMachine(
            dialect: scenario.dialect, policy: .exclusive, mode: .attempt, companion: name)
        begin(Actor(machine, .exclusive, companion: name), 2 * caller + 1, index)
    }

    mutating func forgetActor(_ slot: Int, _ index: Int) {
        dropWatches(of: slot, index) { _ in true }
        clients[index].actors[slot] = nil
        func forget(_ call: inout Call) {
            if call.actor == slot || call.purpose == .removal(slot: slot) { call.purpose = .ignored }
        }
        for position in clients[index].sent.indices { forget(&clients[index].sent[position]) }
        for queue in clients[index].waiting.indices {
            for position in clients[index].waiting[queue].indices { forget(&clients[index].waiting[queue][position]) }
        }
        for queue in clients[index].again.indices {
            for position in clients[index].again[queue].indices { forget(&clients[index].again[queue][position]) }
        }
    }

    /// Cancels the caller, or lets its time run out.
    mutating func leave(_ caller: Int, _ index: Int) {
        clients[index].callers[caller].phase = .done(.left)
        leave((index + caller).isMultiple(of: 2) ? .cancelled : .timedOut, 2 * caller, index)
    }

    /// Leaves the queue, or releases the lock if it has been granted.
    mutating func leave(_ event: ContenderMachine.Event, _ slot: Int, _ index: Int) {
        post(event, to: slot, of: index)
        deliver()
        if let pipeline = clients[index].actors[slot]?.enqueuing { withdraw(actor: slot, slot: pipeline, of: index) }
        deliver()
    }

    // MARK: Results

    mutating func granted(_ grant: ContenderMachine.Grant, _ slot: Int, _ index: Int) {
        let letter = clients[index].letter
        if clients[index].isOverdue {
            fail(.late, "\(letter) is granted \(grant.name) although its session may be over")
        }
        if clients[index].actors[slot]?.wereFirst.contains(grant.name) != true {
            fail(
                .outOfTurn,
                "\(letter) is granted \(grant.name), which is not its own or was never first: \(queueText)")
        }
        if grant.czxid != token(of: grant.name) {
            fail(.wrongToken, "\(letter) gets the token of another node than \(grant.name)")
        }
        let caller = slot / 2
        clients[index].actors[slot]?.grant = grant
        guard let hold = beginHold(at: grant.name, index) else {
            told(.sessionClosing, slot, index)
            endOldHold(caller, index)
            return post(.released, to: slot, of: index)
        }
        clients[index].actors[slot]?.hold = hold
        endOldHold(caller, index)
        if clients[index].callers[caller].isDone {
            // The caller leaves, and releases at once.
            clients[index].actors[slot]?.isBodyOver = true
            return post(.released, to: slot, of: index)
        }
        clients[index].actors[slot]?.isGuarded = grant.isWatched
        dropWatches(of: slot, index) { !$0.isOwn }
        clients[index].callers[caller].wasGranted = true
        clients[index].callers[caller].phase = slot.isMultiple(of: 2) ? .holding : .upgraded
        checkGranted(slot, index)
    }

    private mutating func endOldHold(_ caller: Int, _ index: Int) {
        guard let old = clients[index].callers[caller].oldHold else { return }
        clients[index].callers[caller].oldHold = nil
        endHold(old, index)
    }

    mutating func lost(_ slot: Int, _ index: Int) {
        if let grant = clients[index].actors[slot]?.grant, isThere(grant.name) {
            fail(.loseUnasked, "\(clients[index].letter) gives up \(grant.name), which is there")
        }
        clients[index].actors[slot]?.isRemoved = true
        let caller = slot / 2
        switch (clients[index].callers[caller].phase, slot.isMultiple(of: 2)) {
        case (.upgraded, false):
            clients[index].callers[caller].phase = .holding
            endBody(slot, index)
        case (.upgraded, true), (.upgrading, true):
            // The reader's node is gone; if the writer holds, it releases.
            clients[index].callers[caller].phase = .done(.lost)
            if clients[index].actors[slot + 1]?.machine.isOver == false { post(.cancelled, to: slot + 1, of: index) }
            endBody(slot + 1, index)
            endBody(slot, index)
        case (.holding, true):
            clients[index].callers[caller].phase = .done(.lost)
            endBody(slot, index)
        default: break
        }
    }

    mutating func failed(_ reason: ContenderMachine.Reason, _ slot: Int, _ index: Int) {
        let caller = slot / 2
        if slot.isMultiple(of: 2) {
            told(reason, slot, index)
            endOldHold(caller, index)
        } else if clients[index].callers[caller].phase == .upgrading {
            clients[index].callers[caller].phase = .holding
        }
    }

    /// Takes the reason for which the caller did not get the lock.
    private mutating func told(_ reason: ContenderMachine.Reason, _ slot: Int, _ index: Int) {
        let caller = slot / 2
        if !slot.isMultiple(of: 2) {
            if clients[index].callers[caller].phase == .upgrading { clients[index].callers[caller].phase = .holding }
            return
        }
        guard clients[index].callers[caller].phase == .waiting else { return }
        let role = clients[index].callers[caller].role
        func end(_ end: Caller.End, if isAllowed: Bool, _ world: inout World) {
            world.clients[index].callers[caller].phase = .done(end)
            if !isAllowed { world.fail(.refused, "\(world.clients[index].letter) fails: \(reason)") }
        }
        switch reason {
        case .sessionLost:
            // In the next session it joins again.
            clients[index].callers[caller].phase = role.mode == .wait ? .idle : .done(.failed)
        case .busy: clients[index].callers[caller].phase = .done(.busy)
        case .cancelled, .timedOut: clients[index].callers[caller].phase = .done(.left)
        case .sessionClosing: end(.closed, if: clients[index].closing.phase != .open, &self)
        case .blocked: end(.blocked, if: !clients[index].leftovers.isEmpty, &self)
        case .createsLost: end(.failed, if: scenario.budget >= ContenderMachine.mostLostCreates, &self)
        case .refused(let failure):
            let isUnanswered = failure.code == .connectionLoss && role.mode == .attempt
            if failure.code == .closed { return end(.closed, if: clients[index].closing.phase != .open, &self) }
            // A node cannot be exchanged for another where nothing may be deleted.
            end(.failed, if: isUnanswered || (failure.code == .noAuth && scenario.isDenied), &self)
        case .sequenceExhausted, .mixedKinds: end(.failed, if: false, &self)
        }
    }

    var queueText: String { "[\(queue.map(\.name).joined(separator: " "))]" }
}
