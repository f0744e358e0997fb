import ZooKeeper

// Getting a node into the queue, and finding its position.

extension ContenderMachine {
    /// Joins the queue at its end, under a new guid: nothing of an earlier attempt is ever taken for this one.
    mutating func rejoin() -> [Action] {
        phase = .choosingGUID
        return [.makeGUID]
    }

    mutating func enqueue(_ guid: String) -> [Action] {
        phase = .enqueuing(guid: guid, createsParents: createsParents)
        return [.enqueue(guid: guid, createsParents: createsParents, replacing: replacing)]
    }

    mutating func probed(_ list: Result<[String], Failure>) -> [Action] {
        switch list {
        case .success(let names):
            guard let contenders = dialect.contenders(among: names) else { return fail(.sequenceExhausted) }
            let others = others(contenders, unlike: nil)
            if let first = policy.blockersOfNewcomer(among: others).first { return fail(.busy(holder: first.name)) }
            return rejoin()
        case .failure(let failure) where failure.code == .noNode:
            createsParents = true
            return rejoin()
        case .failure(let failure) where failure.mayPass: return later([.probe])
        case .failure(let failure): return fail(failure)
        }
    }

    mutating func enqueued(
        _ guid: String, _ create: Result<Created, Failure>, _ list: Result<[String], Failure>, _ parents: Failure?,
        _ connection: Int, _ isInTime: Bool
    ) -> [Action] {
        switch create {
        case .success(let created):
            replacing = nil
            vanishings = 0
            lostCreates = 0
            let ownNode = OwnNode(guid: guid, name: created.name, czxid: created.czxid)
            return listed(ownNode, list, connection, isInTime)
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
                if PlantedFlaw.directoriesAreNotMade.isPlanted { return fail(failure) }
                createsParents = true
                return enqueue(guid)
            case (.nodeExists, .refused): return fail(.sequenceExhausted)
            case (.connectionLoss, .notSent), (.connectionLoss, .refused):
                // It was not executed and will not be. With a short request time-out that comes again and again.
                return later(enqueue(guid), isUrgentAtFirst: true)
            case _ where failure.isAmbiguous:
                if PlantedFlaw.unknownIsAbsent.isPlanted { return rejoin() }
                phase = .listing(OwnNode(guid: guid))
                return [.list(syncs: !PlantedFlaw.listsWithoutSync.isPlanted)]
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
            return (PlantedFlaw.unknownExchangesStay.isPlanted ? [] : [.delete(old)]) + [.list(syncs: true)]
        default: return [.delete(old)] + (failure.code == .nodeExists ? fail(.sequenceExhausted) : fail(failure))
        }
    }

    // MARK: Finding the position

    mutating func listed(
        _ ownNode: OwnNode, _ list: Result<[String], Failure>, _ connection: Int, _ isInTime: Bool
    ) -> [Action] {
        switch list {
        case .success(let names):
            return findPosition(ownNode, names, connection, isInTime)
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
        _ known: OwnNode, _ names: [String], _ connection: Int, _ isInTime: Bool, during wait: Wait? = nil
    ) -> [Action] {
        guard let contenders = dialect.contenders(among: names) else {
            return forget(known) + fail(.sequenceExhausted)
        }
        // Every node with my GUID is mine. The lowest counts; a request that arrived twice leaves no other behind.
        let mine = mine(contenders, known).sorted { $0.sequence < $1.sequence }
        guard let own = PlantedFlaw.waitsForItself.isPlanted ? mine.last : mine.first else {
            // After a create of unknown outcome it may still appear; then it is nobody's.
            return known.name == nil ? createLost(known.guid) : rejoin()
        }
        let extras: [Action] = mine.filter { $0 != own && !areExtrasIgnored }.map { .delete($0.name) }
        var ownNode = known
        if ownNode.name != own.name { ownNode = OwnNode(guid: known.guid, name: own.name) }
        var blockers = policy.blockers(of: own, among: others(contenders, unlike: known.guid))
        if let wait, wait.isBlockerGone { blockers.removeAll { $0.name == wait.blocker } }
        ownNode.ahead = blockers.count
        if let nearest = blockers.last, let first = blockers.first {
            if mode == .attempt {
                if PlantedFlaw.beatenAttemptsStay.isPlanted { return fail(.busy(holder: first.name)) }
                return extras + [.delete(own.name)] + fail(.busy(holder: first.name))
            }
            let second = handsOffUnlisted ? blockers.dropLast().last?.name : nil
            if let wait, !wait.isBlockerGone {
                return extras + goOnWaiting(wait, ownNode, nearest.name, second, first.name)
            }
            // With several in the way the list that follows will show my own node; with one, its removal alone makes me
            // the holder, so I must know that mine is there: by an answer that is yet to come, not by an older one.
            let isSole = blockers.count == 1
            if isSole { ownNode.isWatched = false }
            phase = .waiting(
                Wait(
                    ownNode: ownNode, blocker: nearest.name, second: second, holder: first.name, connection: connection)
            )
            return extras + [.watch(blocker: nearest.name, second: second, own: isSole ? own.name : nil)]
        }
        guard let czxid = ownNode.czxid else {
            // First in the queue, but which transaction created my node is not known yet.
            ownNode.isWatched = false
            phase = .waiting(Wait(ownNode: ownNode, connection: connection))
            return extras + [.watch(own: own.name)]
        }
        return extras + grant(ownNode, czxid, isInTime)
    }

    /// A create whose answer was lost has left no node. If that goes on, it is the create that costs the connection.
    private mutating func createLost(_ guid: String) -> [Action] {
        let resolveCreate: [Action] = PlantedFlaw.neverChases.isPlanted ? [] : [.resolveCreate(guid: guid)]
        lostCreates += 1
        if lostCreates >= Self.mostLostCreates { return resolveCreate + fail(.createsLost) }
        return resolveCreate + (lostCreates == 1 ? rejoin() : later(rejoin()))
    }

    /// Those that may be in my way: everybody but me.
    private func others(_ contenders: [ContenderName], unlike guid: String?) -> [ContenderName] {
        contenders.filter { contender in
            if contender.name == companion { return false }
            if companion != nil, PlantedFlaw.upgradesIgnoreReaders.isPlanted { return contender.kind == .exclusive }
            guard let guid, !PlantedFlaw.waitsForItself.isPlanted else { return true }
            return !dialect.isMine(contender.name, guid)
        }
    }

    private var areExtrasIgnored: Bool {
        PlantedFlaw.extrasStay.isPlanted || PlantedFlaw.waitsForItself.isPlanted
    }

    private func mine(_ contenders: [ContenderName], _ known: OwnNode) -> [ContenderName] {
        let mine = contenders.filter { dialect.isMine($0.name, known.guid) }
        if PlantedFlaw.grantsWithoutItsNode.isPlanted, mine.isEmpty, let name = known.name {
            return dialect.contenders(among: [name]) ?? []
        }
        return mine
    }

    mutating func grant(_ ownNode: OwnNode, _ czxid: Zxid, _ isInTime: Bool) -> [Action] {
        guard let name = ownNode.name else { return [] }
        guard isInTime || PlantedFlaw.grantsPastTheDeadline.isPlanted else {
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
