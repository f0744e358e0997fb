// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

// The invariants of every world, and of those in which no step is possible any more.

extension World {
    /// Checks that no two conflicting contenders of live sessions hold at the same transaction.
    mutating func checkHolders() {
        var holders: [(caller: Int, name: String, policy: ContentionPolicy)] = []
        for client in clients where isAlive(client.session) {
            for (number, caller) in client.callers.enumerated() {
                let id = client.index * 8 + number
                // It holds at least as a reader all the while.
                if case .downgrading(let state) = caller.phase {
                    for name in [state.grant.name, state.reader] where isThere(name) {
                        holders.append((id, name, .shared))
                    }
                }
                guard caller.isHolding else { continue }
                for actor in client.actors[(2 * number)...(2 * number + 1)] {
                    guard let actor, let grant = actor.grant, !actor.machine.isOver, isThere(grant.name) else {
                        continue
                    }
                    holders.append((id, grant.name, actor.policy))
                }
            }
        }
        for (position, one) in holders.enumerated() {
            for other in holders[(position + 1)...] where other.caller != one.caller {
                if one.policy == .shared, other.policy == .shared { continue }
                fail(.twoHolders, "\(one.name) and \(other.name); \(queueText)")
            }
        }
    }

    /// Checks that no contender is granted in a session that is being closed, nor while a body runs whose session was
    /// closed by its owner. (If it expired, the body may not know yet.)
    mutating func checkGranted(_ slot: Int, _ index: Int) {
        let policy = clients[index].actors[slot]?.policy
        if clients[index].closing.phase != .open {
            fail(.retiring, "\(clients[index].letter): \(queueText)")
        }
        for client in clients where client.wasEndedByOwner {
            for (number, caller) in client.callers.enumerated() where caller.isHolding {
                if policy == .shared, client.actors[2 * number]?.policy == .shared { continue }
                fail(
                    .underBody, "\(clients[index].letter) is granted, and a body of \(client.letter) still runs")
            }
        }
    }

    /// Checks that no contender waits behind a node of its own client that is known to stay.
    mutating func checkLeftovers() {
        for client in clients where !client.leftovers.isEmpty {
            for (number, caller) in client.callers.enumerated() where caller.phase == .waiting {
                guard client.actors[2 * number]?.machine.isOver == false else { continue }
                fail(.behindItself, "\(client.letter), \(client.leftovers.sorted()): \(queueText)")
            }
        }
    }

    /// Checks that a holder that watches its node knows of its removal when no message is on its way any more.
    mutating func checkNoticed() {
        for client in clients {
            for (number, caller) in client.callers.enumerated() {
                guard caller.phase == .holding, !caller.role.cannotWatch, let actor = client.actors[2 * number],
                    let grant = actor.grant, actor.isGuarded, actor.putOff.isEmpty, client.link != nil,
                    isAlive(client.session), client.sent.isEmpty, client.inbox.isEmpty, client.behind == nil,
                    !isThere(grant.name)
                else { continue }
                fail(.unnoticed, "\(client.letter) holds \(grant.name)")
            }
        }
    }

    /// Checks the end of a history, at which nothing but faults can happen any more: all callers must be done, must
    /// have been granted unless something was in the way, and must have left nothing behind.
    package mutating func checkEnd() {
        for client in clients {
            for caller in client.callers {
                guard case .done(let end) = caller.phase else {
                    fail(.stuck, "\(client.letter) waits, and nothing will wake it: \(queueText)")
                    continue
                }
                switch end {
                // Told why.
                case .left, .closed, .blocked: continue
                case .failed where scenario.isDenied || scenario.budget >= ContenderMachine.mostLostCreates: continue
                default: break
                }
                if caller.role.mode == .wait, !caller.wasGranted {
                    fail(.neverGranted, "\(client.letter) was never granted")
                }
            }
            if client.closing.phase > .open, !client.isClosed {
                fail(.stuck, "\(client.letter)'s session is being closed, and nothing will end it")
            }
        }
        if !queue.isEmpty { fail(.orphan, "all are done, and there is \(queueText)") }
    }
}
