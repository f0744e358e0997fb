import ZooKeeper
import ZooKeeperRecipes

// What the callers do: they ask for the lock, use it, go on to the next thing, give it back, or leave.

extension World {
    /// A caller asks for the lock, unless a node that cannot be removed is in the way.
    mutating func start(_ caller: Int, _ index: Int) {
        for leftover in clients[index].leftovers.sorted() {
            if isThere(leftover) {
                clients[index].callers[caller].stage = .done(.blocked)
                return
            }
            clients[index].leftovers.remove(leftover)
        }
        // Between this look and the next step, a node may turn out not to be removable.
        if scenario.isDenied {
            clients[index].callers[caller].stage = .joining
        } else {
            join(caller, index)
        }
    }

    mutating func join(_ caller: Int, _ index: Int) {
        let part = clients[index].callers[caller].part
        let machine = ContenderMachine(dialect: scenario.dialect, policy: part.policy, mode: part.mode)
        clients[index].callers[caller].stage = .waiting
        begin(Actor(machine, part.policy), 2 * caller, index)
        deliver()
    }

    /// What the driver of a machine does first.
    private mutating func begin(_ actor: Actor, _ slot: Int, _ index: Int) {
        clients[index].actors[slot] = actor
        if clients[index].closing.phase != .open, !clients[index].owesNotice {
            post(.sessionClosing, to: slot, of: index)
        }
        if !clients[index].leftovers.isEmpty, !ToldFlaw.newcomersIgnoreLeftovers.isPlanted {
            post(.blocked(.init(.noAuth, .refused)), to: slot, of: index)
        }
        post(.start, to: slot, of: index)
    }

    /// The holder is done with what it did.
    mutating func release(_ caller: Int, _ index: Int) {
        let client = clients[index]
        let slot = 2 * caller
        guard let actor = client.actors[slot], let grant = actor.grant else { return }
        let part = client.callers[caller].part
        func end(_ end: Caller.End, _ world: inout World) {
            world.clients[index].callers[caller].stage = .done(end)
            world.post(.released, to: slot, of: index)
            world.deliver()
            world.endBody(slot, index)
        }
        if client.callers[caller].stage == .upgraded {
            clients[index].callers[caller].stage = .holding
            post(.released, to: slot + 1, of: index)
            deliver()
            endBody(slot + 1, index)
        } else if client.isOverdue || client.isClosed {
            // It has lost its lease: nothing is done with it any more.
            end(.lost, &self)
        } else if part.terms > 1 {
            requeue(caller, grant.name, index)
        } else if part.downgrades {
            becomeReader(caller, index, grant)
        } else if part.upgrades {
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
        clients[index].callers[caller].part.terms -= 1
        clients[index].callers[caller].stage = .waiting
        let policy = clients[index].callers[caller].part.policy
        let machine = ContenderMachine(dialect: scenario.dialect, policy: policy, mode: .wait, replacing: old)
        begin(Actor(machine, policy), slot, index)
    }

    private mutating func tryToWrite(_ caller: Int, beside name: String, _ index: Int) {
        clients[index].callers[caller].part.upgrades = false
        clients[index].callers[caller].stage = .upgrading
        let machine = ContenderMachine(
            dialect: scenario.dialect, policy: .exclusive, mode: .attempt, companion: name)
        begin(Actor(machine, .exclusive, companion: name), 2 * caller + 1, index)
    }

    mutating func forgetActor(_ slot: Int, _ index: Int) {
        dropWatches(of: slot, index) { _ in true }
        clients[index].actors[slot] = nil
        func forget(_ call: inout Call) {
            if call.actor == slot || call.purpose == .removal(slot: slot) { call.purpose = .nobody }
        }
        for position in clients[index].sent.indices { forget(&clients[index].sent[position]) }
        for queue in clients[index].waiting.indices {
            for position in clients[index].waiting[queue].indices { forget(&clients[index].waiting[queue][position]) }
        }
        for queue in clients[index].again.indices {
            for position in clients[index].again[queue].indices { forget(&clients[index].again[queue][position]) }
        }
    }

    /// The caller is cancelled, or its time is up.
    mutating func leave(_ caller: Int, _ index: Int) {
        clients[index].callers[caller].stage = .done(.left)
        leave((index + caller).isMultiple(of: 2) ? .cancelled : .timedOut, 2 * caller, index)
    }

    /// Leaves the line, or gives the lock back if it has been granted.
    mutating func leave(_ event: ContenderMachine.Event, _ slot: Int, _ index: Int) {
        post(event, to: slot, of: index)
        deliver()
        if let pipeline = clients[index].actors[slot]?.enqueuing { withdraw(actor: slot, slot: pipeline, of: index) }
        deliver()
    }

    // MARK: What they are told

    mutating func granted(_ grant: ContenderMachine.Grant, _ slot: Int, _ index: Int) {
        let letter = clients[index].letter
        if clients[index].isOverdue {
            fail(.late, "\(letter) is granted \(grant.name) although its session may be over")
        }
        if clients[index].actors[slot]?.wereFirst.contains(grant.name) != true {
            fail(
                .undeserved,
                "\(letter) is granted \(grant.name), which is not its own or was never first: \(lineText)")
        }
        if grant.czxid != token(of: grant.name) {
            fail(.wrongToken, "\(letter) gets the token of another node than \(grant.name)")
        }
        let caller = slot / 2
        clients[index].actors[slot]?.grant = grant
        guard let hold = beginHold(at: grant.name, index) else {
            told(.sessionClosing, slot, index)
            return post(.released, to: slot, of: index)
        }
        clients[index].actors[slot]?.hold = hold
        endOldHold(caller, index)
        if clients[index].callers[caller].isDone {
            // The caller leaves, and gives it back at once.
            clients[index].actors[slot]?.isBodyOver = true
            return post(.released, to: slot, of: index)
        }
        clients[index].actors[slot]?.isGuarded = grant.isWatched
        dropWatches(of: slot, index) { $0 == .blocker }
        clients[index].callers[caller].wasGranted = true
        clients[index].callers[caller].stage = slot.isMultiple(of: 2) ? .holding : .upgraded
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
        switch (clients[index].callers[caller].stage, slot.isMultiple(of: 2)) {
        case (.upgraded, false):
            clients[index].callers[caller].stage = .holding
            endBody(slot, index)
        case (.upgraded, true), (.upgrading, true):
            // The reader's node is gone; whatever the writer has is given back.
            clients[index].callers[caller].stage = .done(.lost)
            if clients[index].actors[slot + 1]?.machine.isOver == false { post(.cancelled, to: slot + 1, of: index) }
            endBody(slot + 1, index)
            endBody(slot, index)
        case (.holding, true):
            clients[index].callers[caller].stage = .done(.lost)
            endBody(slot, index)
        default: break
        }
    }

    mutating func failed(_ reason: ContenderMachine.Reason, _ slot: Int, _ index: Int) {
        let caller = slot / 2
        if slot.isMultiple(of: 2) {
            told(reason, slot, index)
            endOldHold(caller, index)
        } else if clients[index].callers[caller].stage == .upgrading {
            clients[index].callers[caller].stage = .holding
        }
    }

    /// What the caller makes of why it did not get the lock.
    private mutating func told(_ reason: ContenderMachine.Reason, _ slot: Int, _ index: Int) {
        let caller = slot / 2
        if !slot.isMultiple(of: 2) {
            if clients[index].callers[caller].stage == .upgrading { clients[index].callers[caller].stage = .holding }
            return
        }
        guard clients[index].callers[caller].stage == .waiting else { return }
        let part = clients[index].callers[caller].part
        func end(_ end: Caller.End, if isAllowed: Bool, _ world: inout World) {
            world.clients[index].callers[caller].stage = .done(end)
            if !isAllowed { world.fail(.refused, "\(world.clients[index].letter) fails: \(reason)") }
        }
        switch reason {
        case .sessionLost:
            // In the next session it joins again.
            clients[index].callers[caller].stage = part.mode == .wait ? .idle : .done(.failed)
        case .busy: clients[index].callers[caller].stage = .done(.busy)
        case .cancelled, .timedOut: clients[index].callers[caller].stage = .done(.left)
        case .sessionClosing: end(.closed, if: clients[index].closing.phase != .open, &self)
        case .blocked: end(.blocked, if: !clients[index].leftovers.isEmpty, &self)
        case .createsLost: end(.failed, if: scenario.budget >= ContenderMachine.mostLostCreates, &self)
        case .refused(let failure):
            let isUnanswered = failure.code == .connectionLoss && part.mode == .attempt
            if failure.code == .closed { return end(.closed, if: clients[index].closing.phase != .open, &self) }
            // A node cannot be exchanged for another where nothing may be deleted.
            end(.failed, if: isUnanswered || (failure.code == .noAuth && scenario.isDenied), &self)
        case .sequenceExhausted: end(.failed, if: false, &self)
        }
    }

    var lineText: String { "[\(line.map(\.name).joined(separator: " "))]" }
}
