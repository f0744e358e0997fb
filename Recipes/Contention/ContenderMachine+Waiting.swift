// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

// Waiting for one's turn, and ending.

extension ContenderMachine {
    mutating func watched(
        _ old: Wait, _ blocker: Result<Zxid, Failure>?, _ second: Result<Zxid, Failure>?,
        _ own: Result<Zxid, Failure>?, _ moment: Circumstances
    ) -> [Action] {
        var wait = old
        switch own {
        case .success(let czxid):
            wait.ownNode.czxid = czxid
            wait.ownNode.isWatched = true
        case .failure(let failure): return readFailed(wait, failure)
        case nil: break
        }
        switch blocker {
        case .failure(let failure) where failure.code == .noNode:
            wait.isBlockerGone = true
        case .failure(let failure): return readFailed(wait, failure)
        case .success, nil: break
        }
        phase = .waiting(wait)
        if !wait.isBlockerGone, wait.second != nil, case .failure(let failure)? = second {
            switch failure.code {
            case .noNode: return gotOn(secondGone(wait, moment))
            case .connectionLoss: return readFailed(wait, failure)
            // It is not watched.
            default: break
            }
        }
        return gotOn(advance(wait, moment))
    }

    mutating func readFailed(_ wait: Wait, _ failure: Failure) -> [Action] {
        switch failure.code {
        case .connectionLoss:
            phase = .listing(wait.ownNode)
            return [.list(syncs: true)]
        case _ where failure.mayPass:
            phase = .listing(wait.ownNode)
            return later([.list(syncs: true)])
        case .noNode: return rejoin()
        default: return forget(wait.ownNode) + fail(failure)
        }
    }

    mutating func blockerChanged(_ old: Wait, isGone: Bool, _ moment: Circumstances) -> [Action] {
        var wait = old
        // The node in my way was written to: it is still there.
        guard isGone else { return [.watch(blocker: wait.blocker)] }
        wait.isBlockerGone = true
        phase = .waiting(wait)
        return advance(wait, moment)
    }

    mutating func ownChanged(_ old: Wait, isGone: Bool) -> [Action] {
        var wait = old
        if isGone { return rejoin() }
        wait.ownNode.isWatched = false
        phase = .waiting(wait)
        return [.watch(own: wait.ownNode.name)]
    }

    /// Goes on if nobody is in my way any more. If one was, my own node must have been seen since the list: otherwise
    /// that answer, or that event, is still to come.
    mutating func advance(_ wait: Wait, _ moment: Circumstances) -> [Action] {
        guard wait.isBlockerGone || wait.blocker == nil else { return [] }
        // The list that is under way will say who is in my way now.
        if wait.isRelisting { return [] }
        // After a reconnect, watches fire in any order: my own node may be gone too, and I may not have heard yet.
        let isSameConnection = moment.connection == wait.connection
        if wait.isSole {
            guard wait.ownNode.isWatched, let czxid = wait.ownNode.czxid else { return [] }
            if isSameConnection, handsOffUnlisted { return grant(wait.ownNode, czxid, moment) }
        }
        phase = .listing(wait.ownNode)
        return [.list(syncs: !isSameConnection || !moment.isInTime)]
    }

    // MARK: Ending

    mutating func ownWatchFailed(_ grant: Grant, _ failure: Failure) -> [Action] {
        switch failure.code {
        case .connectionLoss: return [.watch(own: grant.name)]
        case _ where failure.mayPass: return later([.watch(own: grant.name)])
        case .noNode: return lose()
        // Not to be read by us, or too many watches: looks at it again and again instead.
        default: return [.check(grant.name)]
        }
    }

    /// My node, which cannot be watched, has been looked at.
    mutating func checked(_ grant: Grant, _ isThere: Result<Bool, Failure>) -> [Action] {
        if case .success(false) = isThere { return lose() }
        return [.check(grant.name)]
    }

    private mutating func lose() -> [Action] {
        phase = .over
        return [.lose]
    }

    // MARK: Trying again

    /// Tries the same again after a while.
    ///
    /// - Parameter isUrgentAtFirst: The first time does not wait.
    mutating func later(_ actions: [Action], isUrgentAtFirst: Bool = false) -> [Action] {
        retries = min(retries + 1, Self.mostRetries)
        return isUrgentAtFirst && retries == 1 ? actions : [.backOff(retries)] + actions
    }

    /// Something has got on: what fails next has failed for the first time.
    mutating func gotOn(_ actions: [Action]) -> [Action] {
        if case .listing = phase { return actions }
        retries = 0
        return actions
    }

    mutating func sessionLost() -> [Action] {
        switch phase {
        case .over: return []
        case .leaving, .holding:
            phase = .over
            return []
        default: return fail(.sessionLost)
        }
    }

    /// The caller does not want to wait any longer.
    mutating func leave(_ reason: Reason) -> [Action] {
        let old = phase
        switch old {
        case .over, .leaving: return []
        case .enqueuing(let guid, _):
            phase = .leaving(guid: guid)
            return [.fail(reason)]
        case .listing(let ownNode):
            return forget(ownNode) + fail(reason)
        case .waiting(let wait):
            return forget(wait.ownNode) + fail(reason)
        case .holding(let grant):
            phase = .over
            return [.delete(grant.name)]
        case .idle, .joining, .probing: return giveUpOld() + fail(reason)
        }
    }

    /// Leaves nothing of the node that was to be replaced.
    private mutating func giveUpOld() -> [Action] {
        defer { replacing = nil }
        return replacing.map { [.delete($0)] } ?? []
    }

    /// Leaves nothing of a create that was under way when the caller left.
    mutating func cleanUp(_ guid: String, _ create: Result<Created, Failure>) -> [Action] {
        phase = .over
        switch create {
        case .success(let created):
            return [.delete(created.name)]
        case .failure(let failure):
            let mayAppear = failure.execution == .unknown
            return giveUpOld() + (mayAppear ? [.resolveCreate(guid: guid)] : [])
        }
    }

    func forget(_ ownNode: OwnNode) -> [Action] {
        ownNode.name.map { [.delete($0)] } ?? [.resolveCreate(guid: ownNode.guid)]
    }

    mutating func fail(_ failure: Failure) -> [Action] {
        fail(failure.code == .sessionLost ? .sessionLost : .refused(failure))
    }

    mutating func fail(_ reason: Reason) -> [Action] {
        phase = .over
        return [.fail(reason)]
    }
}
