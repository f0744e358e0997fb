import ZooKeeper
import ZooKeeperRecipes

// How a writer becomes a reader: one transaction, and if its answer is lost, a look at the names.

extension World {
    mutating func becomeReader(_ caller: Int, _ index: Int, _ grant: ContenderMachine.Grant) {
        clients[index].callers[caller].part.downgrades = false
        let reader = grant.name.replacing("__WRIT__", with: "__READ__")
        ask(Caller.Downgrading(grant: grant, reader: reader), caller, index)
    }

    /// Asks what its step says.
    private mutating func ask(_ state: Caller.Downgrading, _ caller: Int, _ index: Int) {
        clients[index].callers[caller].stage = .downgrading(state)
        var call = Call(
            operation: .downgrade(writer: state.grant.name, reader: state.reader), purpose: .downgrade(caller: caller))
        switch state.step {
        case .exchanging: break
        case .syncing:
            call.operation = .sync
            call.isRepeated = true
        case .looking:
            call.operation = .exists(state.reader)
            call.isRepeated = true
        case .pausing: return
        }
        submit([call], from: index)
    }

    mutating func downgradeAgain(_ caller: Int, _ index: Int) {
        guard case .downgrading(var state) = clients[index].callers[caller].stage else { return }
        state.step = .exchanging
        ask(state, caller, index)
        deliver()
    }

    mutating func downgradeAnswered(_ operation: Operation, _ answer: Answer, _ caller: Int, _ index: Int) {
        guard case .downgrading(var state) = clients[index].callers[caller].stage else { return }
        var failure: ContenderMachine.Failure?
        if case .failure(let why) = answer { failure = why }
        switch (state.step, failure?.code) {
        // Done, or done by an earlier attempt whose answer was lost.
        case (.exchanging, nil), (.exchanging, .nodeExists): goOn(state, caller, index)
        // The writer's node is gone.
        case (.exchanging, .noNode): giveUp(state, caller, index, isGone: true)
        case (.exchanging, .connectionLoss):
            state.step = .syncing
            ask(state, caller, index)
        case (.exchanging, .throttled):
            state.step = .pausing
            ask(state, caller, index)
        case (.syncing, nil):
            state.step = .looking
            ask(state, caller, index)
        case (.looking, nil): goOn(state, caller, index)
        case (.looking, .noNode):
            state.step = .exchanging
            ask(state, caller, index)
        default: giveUp(state, caller, index, isGone: false)
        }
    }

    /// The same place in line, as a reader.
    private mutating func goOn(_ state: Caller.Downgrading, _ caller: Int, _ index: Int) {
        let slot = 2 * caller
        let hold = beginHold(at: state.reader, index, isContinued: true)
        let old = clients[index].actors[slot]?.hold
        forgetActor(slot, index)
        let held = ContenderMachine.Grant(name: state.reader, czxid: state.grant.czxid, isWatched: false)
        var actor = Actor(ContenderMachine(holding: held, dialect: scenario.dialect, policy: .shared), .shared)
        actor.grant = held
        actor.hold = hold
        clients[index].actors[slot] = actor
        clients[index].callers[caller].stage = .holding
        if let old { endHold(old, index) }
    }

    private mutating func giveUp(_ state: Caller.Downgrading, _ caller: Int, _ index: Int, isGone: Bool) {
        let slot = 2 * caller
        clients[index].callers[caller].stage = .done(isGone ? .lost : .failed)
        if isGone {
            clients[index].actors[slot]?.isRemoved = true
        } else {
            // Which of the two is there is not known; neither will be.
            post(.released, to: slot, of: index)
            deliver()
            remove(state.reader, nil, index)
        }
        endBody(slot, index)
    }
}
