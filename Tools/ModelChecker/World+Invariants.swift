import ZooKeeper
import ZooKeeperRecipes

// What must hold in every world, and in those in which nothing will happen any more.

extension World {
    /// At no transaction do two conflicting contenders of live sessions hold.
    mutating func checkHolders() {
        var holders: [(caller: Int, name: String, policy: ContentionPolicy)] = []
        for client in clients where isAlive(client.session) {
            for (number, caller) in client.callers.enumerated() {
                let id = client.index * 8 + number
                // It keeps at least what a reader has, all the while.
                if case .downgrading(let state) = caller.stage {
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
                fail(.twoHolders, "\(one.name) and \(other.name); \(lineText)")
            }
        }
    }

    /// Nobody is granted in a session that is being closed, nor while a body runs whose session was closed by its owner. (If
    /// it expired, the body may not know yet.)
    mutating func checkGranted(_ slot: Int, _ index: Int) {
        let policy = clients[index].actors[slot]?.policy
        if clients[index].closing.phase != .open {
            fail(.retiring, "\(clients[index].letter): \(lineText)")
        }
        for client in clients where client.wasEndedByOwner {
            for (number, caller) in client.callers.enumerated() where caller.isHolding {
                if policy == .shared, client.actors[2 * number]?.policy == .shared { continue }
                fail(
                    .underBody, "\(clients[index].letter) is granted, and a body of \(client.letter) still runs")
            }
        }
    }

    /// Nobody waits behind a node of its own client that is known to stay.
    mutating func checkLeftovers() {
        for client in clients where !client.leftovers.isEmpty {
            for (number, caller) in client.callers.enumerated() where caller.stage == .waiting {
                guard client.actors[2 * number]?.machine.isOver == false else { continue }
                fail(.behindItself, "\(client.letter), \(client.leftovers.sorted()): \(lineText)")
            }
        }
    }

    /// A holder that watches its node hears that it is gone: if nothing is on its way any more, it knows.
    mutating func checkNoticed() {
        for client in clients {
            for (number, caller) in client.callers.enumerated() {
                guard caller.stage == .holding, !caller.part.cannotWatch, let actor = client.actors[2 * number],
                    let grant = actor.grant, actor.isGuarded, actor.putOff.isEmpty, client.link != nil,
                    isAlive(client.session), client.sent.isEmpty, client.inbox.isEmpty, client.behind == nil,
                    !isThere(grant.name)
                else { continue }
                fail(.unnoticed, "\(client.letter) holds \(grant.name)")
            }
        }
    }

    /// Nothing but faults can happen any more: everybody must be done, have got what nobody kept from him, and have left
    /// nothing behind.
    package mutating func checkEnd() {
        for client in clients {
            for caller in client.callers {
                guard case .done(let end) = caller.stage else {
                    fail(.stuck, "\(client.letter) waits, and nothing will wake it: \(lineText)")
                    continue
                }
                switch end {
                // Told why.
                case .left, .closed, .blocked: continue
                case .failed where scenario.isDenied || scenario.budget >= ContenderMachine.mostLostCreates: continue
                default: break
                }
                if caller.part.mode == .wait, !caller.wasGranted {
                    fail(.neverGranted, "\(client.letter) was never granted")
                }
            }
            if client.closing.phase > .open, !client.isClosed {
                fail(.stuck, "\(client.letter)'s session is being closed, and nothing will end it")
            }
        }
        if !line.isEmpty { fail(.orphan, "everybody is done, and there is \(lineText)") }
    }
}
