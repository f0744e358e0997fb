// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

// A writer becomes a reader: one transaction, and if its answer is lost, a list of the names.

extension World {
    mutating func becomeReader(_ caller: Int, _ index: Int, _ grant: ContenderMachine.Grant) {
        clients[index].callers[caller].role.downgrades = false
        let reader = grant.name.replacing("__WRIT__", with: "__READ__")
        ask(Caller.Downgrading(grant: grant, reader: reader), caller, index)
    }

    /// Sends the request of its present step.
    private mutating func ask(_ state: Caller.Downgrading, _ caller: Int, _ index: Int) {
        clients[index].callers[caller].phase = .downgrading(state)
        let reader = Self.directoryPath.child(state.reader)
        let request: Request
        switch state.step {
        case .exchanging:
            let writer = Self.directoryPath.child(state.grant.name)
            request = TransactionList([Create(reader, mode: .ephemeral), Delete(writer)]).makeRequest()
        case .syncing: request = Sync(Self.directoryPath).makeRequest()
        case .looking: request = Exists(reader).makeRequest()
        case .pausing: return
        }
        var call = Call(request, .downgrade(caller: caller))
        call.isRepeated = state.step != .exchanging
        submit([call], from: index)
    }

    mutating func downgradeAgain(_ caller: Int, _ index: Int) {
        guard case .downgrading(var state) = clients[index].callers[caller].phase else { return }
        state.step = .exchanging
        ask(state, caller, index)
        deliver()
    }

    mutating func downgradeAnswered(_ answer: Answer, _ caller: Int, _ index: Int) {
        guard case .downgrading(var state) = clients[index].callers[caller].phase else { return }
        var failure: ContenderMachine.Failure?
        if case .failure(let why) = answer { failure = why }
        switch (state.step, failure?.code) {
        // Executed, or executed by an earlier attempt whose answer was lost.
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

    /// Lets the writer go on as a reader, with the same sequence number.
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
        clients[index].callers[caller].phase = .holding
        if let old { endHold(old, index) }
    }

    private mutating func giveUp(_ state: Caller.Downgrading, _ caller: Int, _ index: Int, isGone: Bool) {
        let slot = 2 * caller
        clients[index].callers[caller].phase = .done(isGone ? .lost : .failed)
        if isGone {
            clients[index].actors[slot]?.isRemoved = true
        } else {
            // It is not known which of the two exists; both are deleted.
            post(.released, to: slot, of: index)
            deliver()
            remove(state.reader, nil, index)
        }
        endBody(slot, index)
    }
}
