import ZooKeeperRecipes

// What must hold in every world, and in those in which nothing will happen any more.

extension World {
    /// At no transaction do two conflicting contenders of live sessions hold.
    mutating func checkHolders() {
        var holders: [(client: Int, name: String, policy: ContentionPolicy)] = []
        for client in clients where client.isHolding && isAlive(client.session) {
            for actor in client.actors {
                guard let actor, let grant = actor.grant, !actor.machine.isOver, isThere(grant.name) else { continue }
                holders.append((client.index, grant.name, actor.policy))
            }
        }
        for (position, one) in holders.enumerated() {
            for other in holders[(position + 1)...] where other.client != one.client {
                if one.policy == .shared, other.policy == .shared { continue }
                fail(.twoHolders, "\(one.name) and \(other.name); \(lineText)")
            }
        }
    }

    /// A holder that watches its node hears that it is gone: if nothing is on its way any more, it knows.
    mutating func checkNoticed() {
        for client in clients {
            guard client.stage == .holding, let actor = client.actors[0], let grant = actor.grant, actor.isGuarded,
                client.link != nil, isAlive(client.session), client.sent.isEmpty, client.inbox.isEmpty,
                !isThere(grant.name)
            else { continue }
            fail(.unnoticed, "\(client.letter) holds \(grant.name)")
        }
    }

    /// Nothing but faults can happen any more: everybody must be done, have got what nobody kept from him, and have left
    /// nothing behind.
    package mutating func checkEnd() {
        for client in clients {
            guard case .done(let end) = client.stage else {
                fail(.stuck, "\(client.letter) waits, and nothing will wake it: \(lineText)")
                continue
            }
            if client.part.mode == .wait, !client.wasGranted, end != .left {
                fail(.neverGranted, "\(client.letter) was never granted")
            }
        }
        if !line.isEmpty { fail(.orphan, "everybody is done, and there is \(lineText)") }
    }
}
