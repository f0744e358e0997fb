// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperTesting

// Two worlds are the same if the same can happen from here on. Numbers of connections, sessions and transactions that
// only grow do not count; their order does.

extension World {
    /// The fingerprint: a number that is the same for worlds that are the same.
    package var fingerprint: Int { fingerprint(0) }

    /// Returns a fingerprint.
    ///
    /// - Parameter salt: Selects one of several independent fingerprints.
    func fingerprint(_ salt: Int) -> Int {
        var hasher = Hasher()
        if salt != 0 { hasher.combine(salt) }
        hasher.combine(budget)
        let times = hashServer(&hasher)
        for client in clients { client.hash(into: &hasher, times, departed, seenCounts: !past.isEmpty) }
        if scenario.isDenied { hasher.combine(isDenied) }
        // The former states that a client may yet see.
        for state in past {
            hasher.combine(state.names)
        }
        hasher.combine(abandoned.count)
        for session in abandoned { hasher.combine(session.late) }
        return hasher.finalize()
    }

    /// - Returns: The last changes of the nodes in the queue, in order: the zxid that a client has seen is hashed as
    ///   its rank among these.
    private func hashServer(_ hasher: inout Hasher) -> [Zxid] {
        guard let directory = server.tree.nodes[Self.directory] else {
            hasher.combine(-1)
            return []
        }
        hasher.combine(directory.creations)
        var nodes: [(name: String, node: ZooKeeperModel.Node)] = []
        for name in directory.children {
            if let node = server.tree.nodes[Self.path(of: name)] { nodes.append((name, node)) }
        }
        hasher.combine(nodes.count)
        nodes.sort { ($0.node.mzxid, $0.name) < ($1.node.mzxid, $1.name) }
        for (name, node) in nodes {
            hasher.combine(name)
            hasher.combine(node.data.isEmpty)
            if case .ephemeral(let session) = node.lifetime { hasher.combine(owner(session)) }
        }
        return (nodes.map(\.node.mzxid) + past.map(\.zxid)).sorted()
    }

    private func owner(_ session: SessionID) -> Int {
        if let index = clients.firstIndex(where: { $0.session == session }) { return index }
        return -1 - (abandoned.firstIndex { $0.session == session } ?? -1)
    }
}

extension Client {
    /// - Parameter seenCounts: `true` if the zxid that it has seen matters although it watches nothing.
    fileprivate func hash(into hasher: inout Hasher, _ times: [Zxid], _ departed: [String], seenCounts: Bool) {
        func rank(_ zxid: Zxid) -> Int { times.count { $0 <= zxid } }
        hasher.combine(callers)
        for actor in actors { hasher.combine(actor) }
        hasher.combine(link == nil)
        hasher.combine(connection)
        hasher.combine(isOverdue)
        hasher.combine(staysOverdue)
        hasher.combine(closing)
        hasher.combine(owesNotice)
        hasher.combine(owesClose)
        hasher.combine(isClosed)
        hasher.combine(wasEndedByOwner)
        hasher.combine(sent)
        hasher.combine(executed)
        // The zxid that a client has seen is only used to set watches again: without one it does not count.
        var hasWatches = seenCounts || !watches.isEmpty
        if hasWatches { hasher.combine(rank(seen)) }
        hasher.combine(inbox.count)
        for message in inbox {
            switch message {
            case .answer(let answer, let zxid):
                hasher.combine(1)
                hasher.combine(answer)
                if answer.isNode { hasWatches = true }
                if hasWatches { hasher.combine(rank(zxid)) }
            case .event(let name, let isGone):
                hasher.combine(2)
                hasher.combine(name)
                hasher.combine(isGone)
            case .watchesSet(let zxid):
                hasher.combine(3)
                if hasWatches { hasher.combine(rank(zxid)) }
            case .closed: hasher.combine(4)
            }
        }
        hasher.combine(urgent)
        hasher.combine(again)
        hasher.combine(waiting)
        hasher.combine(late)
        hasher.combine(watches)
        hasher.combine(watchedByServer)
        hasher.combine(unresolvedCreates)
        hasher.combine(looksAgain)
        hasher.combine(looks)
        hasher.combine(removals)
        hasher.combine(leftovers)
        if let behind {
            hasher.combine(behind.names)
            hasher.combine(rank(behind.zxid))
            hasher.combine(departed.filter { behind.names.contains($0) })
            for (name, zxid) in lagWatches.sorted(by: { $0.key < $1.key }) {
                hasher.combine(name)
                hasher.combine(rank(zxid))
            }
        }
        hasher.combine(catchUp)
        hasher.combine(stale)
        hasher.combine(guids)
    }
}
