// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

// Behind several: when the second nearest goes, I list while the nearest still holds. If that shows the nearest alone, its
// removal makes me the holder without a request.

extension ContenderMachine {
    /// Tells whether the removal of the only one in my way makes me the holder without another list.
    var handsOffUnlisted: Bool { policy.isStable(dialect.isOrdered) }

    mutating func secondGone(_ old: Wait, _ moment: Circumstances) -> [Action] {
        var wait = old
        wait.second = nil
        // After a reconnect, watches fire in any order, and the server may be another.
        guard let own = wait.ownNode.name, moment.connection == wait.connection else {
            phase = .listing(wait.ownNode)
            return [.list(syncs: true)]
        }
        wait.isRelisting = true
        phase = .waiting(wait)
        return [.relist(own: own)]
    }

    /// The directory has been listed again, and my own node read behind that: so it has been seen since the list.
    mutating func relisted(
        _ old: Wait, _ list: Result<ChildNames, Failure>, _ own: Result<Zxid, Failure>, _ moment: Circumstances
    ) -> [Action] {
        var wait = old
        wait.isRelisting = false
        guard case .success(let names) = list else { return listed(wait.ownNode, list, moment) }
        switch own {
        case .success(let czxid):
            wait.ownNode.czxid = czxid
            wait.ownNode.isWatched = true
        case .failure(let failure): return readFailed(wait, failure)
        }
        guard moment.connection == wait.connection else {
            phase = .listing(wait.ownNode)
            return [.list(syncs: true)]
        }
        return gotOn(findPosition(wait.ownNode, names, moment, during: wait))
    }

    /// Waits on behind the nearest, whose watch stays.
    ///
    /// - Parameter second: The one in front of it now.
    mutating func goOnWaiting(
        _ old: Wait, _ ownNode: OwnNode, _ nearest: String, _ second: String?, _ holder: String
    ) -> [Action] {
        var wait = old
        guard nearest == wait.blocker, ownNode.name == wait.ownNode.name else {
            // The nearest was written to and deleted, and the read that will say so is under way.
            phase = .listing(ownNode)
            return [.list(syncs: false)]
        }
        wait.ownNode = ownNode
        wait.holder = holder
        wait.second = second
        phase = .waiting(wait)
        return second.map { [.watch(second: $0)] } ?? []
    }
}
