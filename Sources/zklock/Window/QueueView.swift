// SPDX-License-Identifier: Apache-2.0

package import ZooKeeper
package import ZooKeeperRecipes

/// The content of a participant's node, as far as it could be read.
package struct NodeContent: Sendable, Hashable {
    /// The stat; `nil` if the servers do not tell it.
    package var stat: ZNodeStat?
    /// The data; `nil` if this client may not read it.
    package var data: [UInt8]?

    package init(stat: ZNodeStat? = nil, data: [UInt8]? = nil) {
        self.stat = stat
        self.data = data
    }

    package init(_ node: ZNode) { self.init(stat: node.stat, data: node.data) }
}

/// A queue at one moment: the participants of every kind of lock in one directory, in order.
package struct QueueView: Sendable, Hashable {
    /// The state of a participant.
    package enum State: Sendable, Hashable {
        case holds
        /// It waits for so many others.
        case waits(Int)
        /// The sequence numbers are exhausted, and its position is not known.
        case unknown
    }

    /// A participant: its name, its node and its state.
    package struct Entry: Sendable, Hashable {
        package var name: ParticipantName
        package var node: NodeContent
        package var state: State
    }

    /// The participants of one kind.
    package struct Group: Sendable, Hashable {
        package var kind: LockKind
        package var entries: [Entry]
    }

    package var path: ZNodePath
    /// One for each kind of lock in the directory, the one with the first participant first.
    package var groups: [Group]
    /// The beginning of the last run of a job that runs once per interval, in milliseconds since 1970.
    package var lastRun: Int64?
    /// The children that take part in nothing, in order.
    package var otherChildren: [String]

    /// - Parameters:
    ///   - children: The names of all children of the directory.
    ///   - nodes: The nodes of the participants and of the marker of the last run. One that is not in it has left
    ///     since the list was made, and is left out.
    package init(_ path: ZNodePath, children: ChildGroups, nodes: [ZNodePath: NodeContent]) {
        self.path = path
        otherChildren = children.others
        if children.hasLastRun {
            lastRun = nodes[path.child(ChildGroups.lastRunName)]?.data.flatMap {
                Int64(String(decoding: $0, as: UTF8.self))
            }
        }
        groups = children.participants.compactMap { kind, names in
            let entries = Self.entries(names.compactMap { name in nodes[path.child(name.name)].map { (name, $0) } })
            return entries.isEmpty ? nil : Group(kind: kind, entries: entries)
        }
        groups.sort { $0.entries[0].name.order < $1.entries[0].name.order }
    }

    /// Finds those that hold: one that wants to be alone and is the first, or all that have none of these in front.
    private static func entries(_ participants: [(ParticipantName, NodeContent)]) -> [Entry] {
        var exclusive = 0
        return participants.enumerated().map { position, participant in
            let (name, node) = participant
            let ahead = name.access == .shared ? exclusive : position
            if name.access != .shared { exclusive += 1 }
            let state: State = name.sequence == nil ? .unknown : ahead == 0 ? .holds : .waits(ahead)
            return Entry(name: name, node: node, state: state)
        }
    }

    /// All participants, kind by kind.
    package var entries: [Entry] { groups.flatMap(\.entries) }

    package var holders: [Entry] { entries.filter { $0.state == .holds } }

    /// Tells whether nobody takes part. (In a semaphore's directory nobody does.)
    package var isFree: Bool { groups.isEmpty }

    /// Tells whether the directory is that of Curator's `InterProcessSemaphoreV2` or `InterProcessSemaphoreMutex`, whose
    /// participants are in two directories below it.
    package var isSemaphore: Bool { otherChildren.contains("leases") && otherChildren.contains("locks") }

    package subscript(_ name: String) -> Entry? { entries.first { $0.name.name.hasSameBytes(as: name) } }
}

extension QueueView.Entry {
    /// The name that the participant has given itself; `nil` if it has given none, or it cannot be read, or if its
    /// revocation has been requested: the request stands in its place.
    package var id: String? {
        guard let data = node.data, !data.isEmpty, !isRevocationRequested else { return nil }
        return String(decoding: data, as: UTF8.self)
    }

    package var isRevocationRequested: Bool { node.data == Array("__REVOKE__".utf8) }

    /// The moment at which it joined the queue, by the server's clock, in milliseconds since 1970.
    package var joined: Int64? { node.stat?.ctime }

    package var fencingToken: FencingToken? { (node.stat?.czxid).map { FencingToken(czxid: $0) } }

    package var session: SessionID? { node.stat?.ephemeralOwner }

    /// Tells whether no session owns the node, so that it stays until it is deleted. The servers write containers
    /// and nodes with a time to live as special owners.
    package var isLeftover: Bool {
        guard let owner = session?.rawValue else { return false }
        return owner == 0 || owner == .min || UInt64(bitPattern: owner) >> 56 == 0xFF
    }
}
