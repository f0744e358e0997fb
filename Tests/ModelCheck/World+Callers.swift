import ZooKeeper
import ZooKeeperRecipes

// What the callers do: they ask for the lock, use it, go on to the next thing, give it back, or leave.

extension World {
    mutating func start(_ index: Int) {
        let part = clients[index].part
        let machine = ContenderMachine(dialect: scenario.dialect, policy: part.policy, mode: part.mode)
        clients[index].actors[0] = Actor(machine, part.policy)
        clients[index].stage = .waiting
        post(.start, to: 0, of: index)
        deliver()
    }

    /// The holder is done with what it did.
    mutating func release(_ index: Int) {
        let client = clients[index]
        guard let actor = client.actors[0], let grant = actor.grant else { return }
        if client.stage == .upgraded {
            clients[index].stage = .holding
            post(.released, to: 1, of: index)
        } else if client.isOverdue {
            // It has lost its lease: nothing is done with it any more.
            clients[index].stage = .done(.lost)
            post(.released, to: 0, of: index)
        } else if client.part.terms > 1 {
            standAgain(index, grant.name)
        } else if client.part.downgrades, client.link != nil {
            becomeReader(index, grant)
        } else if client.part.upgrades {
            tryToWrite(index, beside: grant.name)
        } else {
            clients[index].stage = .done(.released)
            post(.released, to: 0, of: index)
        }
        deliver()
    }

    private mutating func standAgain(_ index: Int, _ old: String) {
        forgetActor(0, index)
        clients[index].part.terms -= 1
        clients[index].stage = .waiting
        let machine = ContenderMachine(
            dialect: scenario.dialect, policy: clients[index].part.policy, mode: .wait, replacing: old)
        clients[index].actors[0] = Actor(machine, clients[index].part.policy)
        post(.start, to: 0, of: index)
    }

    private mutating func becomeReader(_ index: Int, _ grant: ContenderMachine.Grant) {
        clients[index].part.downgrades = false
        let reader = grant.name.replacing("__WRIT__", with: "__READ__")
        forgetActor(0, index)
        guard downgrade(index, from: grant.name, to: reader) else {
            clients[index].stage = .done(.lost)
            return remove(grant.name, index)
        }
        let held = ContenderMachine.Grant(name: reader, czxid: grant.czxid, isWatched: false)
        clients[index].actors[0] = Actor(
            ContenderMachine(holding: held, dialect: scenario.dialect, policy: .shared), .shared)
        clients[index].actors[0]?.grant = held
    }

    private mutating func tryToWrite(_ index: Int, beside name: String) {
        clients[index].part.upgrades = false
        clients[index].stage = .upgrading
        let machine = ContenderMachine(
            dialect: scenario.dialect, policy: .exclusive, mode: .attempt, companion: name)
        clients[index].actors[1] = Actor(machine, .exclusive, companion: name)
        post(.start, to: 1, of: index)
    }

    private mutating func forgetActor(_ slot: Int, _ index: Int) {
        dropWatches(of: slot, index) { _ in true }
        clients[index].actors[slot] = nil
        func forget(_ call: inout Call) {
            if call.actor == slot { call.purpose = .nobody }
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
    mutating func leave(_ index: Int) {
        clients[index].stage = .done(.left)
        post(index.isMultiple(of: 2) ? .cancelled : .timedOut, to: 0, of: index)
        deliver()
        if let slot = clients[index].actors[0]?.enqueuing { withdraw(actor: 0, slot: slot, of: index) }
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
        if clients[index].isDone {
            // The caller leaves, and gives it back at once.
            return post(.released, to: slot, of: index)
        }
        clients[index].actors[slot]?.grant = grant
        clients[index].actors[slot]?.isGuarded = grant.isWatched
        dropWatches(of: slot, index) { $0 == .blocker }
        clients[index].wasGranted = true
        clients[index].stage = slot == 0 ? .holding : .upgraded
    }

    mutating func lost(_ slot: Int, _ index: Int) {
        if let grant = clients[index].actors[slot]?.grant, isThere(grant.name) {
            fail(.loseUnasked, "\(clients[index].letter) gives up \(grant.name), which is there")
        }
        switch (clients[index].stage, slot) {
        case (.upgraded, 1): clients[index].stage = .holding
        case (.upgraded, _), (.upgrading, _):
            // The reader's node is gone; whatever the writer has is given back.
            clients[index].stage = .done(.lost)
            if clients[index].actors[1]?.machine.isOver == false { post(.cancelled, to: 1, of: index) }
        case (.holding, 0): clients[index].stage = .done(.lost)
        default: break
        }
    }

    mutating func failed(_ reason: ContenderMachine.Reason, _ slot: Int, _ index: Int) {
        if slot == 1 {
            if clients[index].stage == .upgrading { clients[index].stage = .holding }
            return
        }
        guard clients[index].stage == .waiting else { return }
        switch reason {
        case .sessionLost:
            // In the next session it joins again.
            clients[index].stage = clients[index].part.mode == .wait ? .idle : .done(.failed)
        case .busy: clients[index].stage = .done(.busy)
        case .cancelled, .timedOut: clients[index].stage = .done(.left)
        case .refused(let failure) where failure.code == .connectionLoss && clients[index].part.mode == .attempt:
            clients[index].stage = .done(.failed)
        case .refused, .sequenceExhausted, .sessionClosing, .createsLost, .blocked:
            clients[index].stage = .done(.failed)
            fail(.refused, "\(clients[index].letter) fails: \(reason)")
        }
    }

    var lineText: String { "[\(line.map(\.name).joined(separator: " "))]" }
}
