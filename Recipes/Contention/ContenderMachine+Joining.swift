// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

// Getting a node into the queue, and finding its position.

extension ContenderMachine {
    /// Joins the queue at its end, under a new guid: nothing of an earlier attempt is ever taken for this one. The create
    /// comes behind all other actions, for ``handle(_:isInTime:guid:)`` has the guid.
    mutating func rejoin() -> [Action] {
        phase = .joining
        return []
    }

    mutating func enqueue(_ guid: String) -> [Action] {
        phase = .enqueuing(guid: guid, createsParents: createsParents)
        return [.enqueue(guid: guid, createsParents: createsParents, replacing: replacing)]
    }

    mutating func probed(_ list: Result<ChildNames, Failure>) -> [Action] {
        switch list {
        case .success(let names):
            guard let line = Line(names, dialect) else { return fail(.sequenceExhausted) }
            let blockers = policy.blockers(of: nil, in: line, isOther(in: line))
            return blockers.first.map { fail(.busy(holder: line.name(of: $0))) } ?? rejoin()
        case .failure(let failure) where failure.code == .noNode:
            createsParents = true
            return rejoin()
        case .failure(let failure) where failure.mayPass: return later([.probe])
        case .failure(let failure): return fail(failure)
        }
    }

    mutating func enqueued(
        _ guid: String, _ create: Result<Created, Failure>, _ list: Result<ChildNames, Failure>, _ parents: Failure?,
        _ moment: Circumstances
    ) -> [Action] {
        switch create {
        case .success(let created):
            replacing = nil
            vanishings = 0
            lostCreates = 0
            let ownNode = OwnNode(guid: guid, name: created.name, czxid: created.czxid)
            return listed(ownNode, list, moment)
        case .failure(let failure):
            if let old = replacing, let actions = replacementFailed(guid, old, failure) { return actions }
            switch (failure.code, failure.execution) {
            case (.noNode, .refused):
                // Nobody has created the directory, or the servers have removed it as an empty container; or they
                // removed an ancestor of it just now, between its creation and the next.
                // If that goes on, it is something else, such as a chroot that is gone.
                if createsParents, let parents {
                    if parents.mayPass { return later(enqueue(guid)) }
                    vanishings += 1
                    if parents.code != .noNode || vanishings > Self.mostVanishings { return fail(parents) }
                }
                createsParents = true
                return enqueue(guid)
            case (.nodeExists, .refused): return fail(.sequenceExhausted)
            case (.connectionLoss, .notSent), (.connectionLoss, .refused):
                // It was not executed and will not be. With a short request time-out that comes again and again.
                return later(enqueue(guid), isUrgentAtFirst: true)
            case _ where failure.isAmbiguous:
                phase = .listing(OwnNode(guid: guid))
                return [.list(syncs: true)]
            case _ where failure.mayPass: return later(enqueue(guid))
            default: return fail(failure)
            }
        }
    }

    /// The exchange of my old node for a new one has failed: from now on the two go separate ways.
    ///
    /// - Returns: The actions, if they differ from those of every other create.
    private mutating func replacementFailed(_ guid: String, _ old: String, _ failure: Failure) -> [Action]? {
        // It was not executed and will not be.
        if failure.mayPass || (failure.code == .connectionLoss && failure.execution != .unknown) { return nil }
        replacing = nil
        // The old one is gone, or its directory.
        if failure.code == .noNode { return enqueue(guid) }
        switch failure.execution {
        case .unknown:
            phase = .listing(OwnNode(guid: guid))
            return [.delete(old), .list(syncs: true)]
        default: return [.delete(old)] + (failure.code == .nodeExists ? fail(.sequenceExhausted) : fail(failure))
        }
    }

    // MARK: Finding the position

    mutating func listed(_ ownNode: OwnNode, _ list: Result<ChildNames, Failure>, _ moment: Circumstances) -> [Action] {
        switch list {
        case .success(let names):
            return findPosition(ownNode, names, moment)
        case .failure(let failure) where failure.code == .connectionLoss:
            phase = .listing(ownNode)
            return [.list(syncs: true)]
        case .failure(let failure) where failure.mayPass:
            phase = .listing(ownNode)
            return later([.list(syncs: true)])
        case .failure(let failure) where failure.code == .noNode:
            // The directory is gone, and my node with it; or there was none, and the create that was lost has not made
            // it.
            return ownNode.name == nil ? createLost(ownNode.guid) : forget(ownNode) + rejoin()
        case .failure(let failure):
            return forget(ownNode) + fail(failure)
        }
    }

    /// - Parameter wait: The wait that goes on, if the list was made again during it.
    mutating func findPosition(
        _ known: OwnNode, _ names: ChildNames, _ moment: Circumstances, during wait: Wait? = nil
    ) -> [Action] {
        guard let line = Line(names, dialect) else { return forget(known) + fail(.sequenceExhausted) }
        // Every node with my GUID is mine. The lowest counts; a request that arrived twice leaves no other behind.
        let ownPrefix = dialect.ownPrefix(known.guid)
        let mine = mine(in: line, ownPrefix)
        guard let own = mine.first else {
            // After a create of unknown outcome it may still appear; then it is nobody's.
            return known.name == nil ? createLost(known.guid) : rejoin()
        }
        let extras: [Action] = mine.dropFirst().map { .delete(line.name(of: $0)) }
        let name = line.name(of: own)
        var ownNode = known
        if ownNode.name != name { ownNode = OwnNode(guid: known.guid, name: name) }
        let gone = wait.flatMap { $0.isBlockerGone ? $0.blocker : nil }
        let blockers = policy.blockers(of: own, in: line, isOther(in: line, unlike: ownPrefix, gone: gone))
        ownNode.ahead = blockers.count
        if let nearest = blockers.nearest, let first = blockers.first {
            let holder = line.name(of: first)
            if mode == .attempt {
                return extras + [.delete(name)] + fail(.busy(holder: holder))
            }
            let blocker = line.name(of: nearest)
            let second = handsOffUnlisted ? blockers.second.map { line.name(of: $0) } : nil
            if let wait, !wait.isBlockerGone {
                return extras + goOnWaiting(wait, ownNode, blocker, second, holder)
            }
            // With several in the way the list that follows will show my own node; with one, its removal alone makes me
            // the holder, so I must know that mine is there: by an answer that is yet to come, not by an older one.
            let isSole = blockers.count == 1
            if isSole { ownNode.isWatched = false }
            phase = .waiting(
                Wait(
                    ownNode: ownNode, blocker: blocker, second: second, holder: holder, connection: moment.connection))
            return extras + [.watch(blocker: blocker, second: second, own: isSole ? name : nil)]
        }
        guard let czxid = ownNode.czxid else {
            // First in the queue, but which transaction created my node is not known yet.
            ownNode.isWatched = false
            phase = .waiting(Wait(ownNode: ownNode, connection: moment.connection))
            return extras + [.watch(own: name)]
        }
        return extras + grant(ownNode, czxid, moment)
    }

    /// A create whose answer was lost has left no node. If that goes on, it is the create that costs the connection.
    private mutating func createLost(_ guid: String) -> [Action] {
        let resolveCreate: [Action] = [.resolveCreate(guid: guid)]
        lostCreates += 1
        if lostCreates >= Self.mostLostCreates { return resolveCreate + fail(.createsLost) }
        return resolveCreate + (lostCreates == 1 ? rejoin() : later(rejoin()))
    }

    /// Tells of an entry whether it may be in my way: everybody may but me.
    ///
    /// - Parameter gone: A node that has gone since the list.
    private func isOther(
        in line: Line, unlike ownPrefix: [UInt8]? = nil, gone: String? = nil
    ) -> (Line.Entry) -> Bool {
        { [companion] entry in
            let name = line.bytes(of: entry)
            if let ownPrefix, name.starts(with: ownPrefix) { return false }
            if let companion, name.elementsEqual(companion.utf8) { return false }
            if let gone, name.elementsEqual(gone.utf8) { return false }
            return true
        }
    }

    /// The entries with my GUID, the lowest first.
    private func mine(in line: Line, _ ownPrefix: [UInt8]) -> [Line.Entry] {
        let mine = line.entries.filter { line.bytes(of: $0).starts(with: ownPrefix) }
        return mine.count > 1 ? mine.sorted { $0.sequence < $1.sequence } : mine
    }

    mutating func grant(_ ownNode: OwnNode, _ czxid: Zxid, _ moment: Circumstances) -> [Action] {
        guard let name = ownNode.name else { return [] }
        guard moment.isInTime else {
            // First in the queue in a session that may be over. A sync that is answered shows that it is not, unless
            // its answer takes longer than a lease is good for.
            phase = .listing(ownNode)
            return later([.list(syncs: true)], isUrgentAtFirst: true)
        }
        retries = 0
        let grant = Grant(name: name, czxid: czxid, isWatched: ownNode.isWatched)
        phase = .holding(grant)
        return [.grant(grant)]
    }
}
