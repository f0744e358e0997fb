// SPDX-License-Identifier: Apache-2.0

/// The watches that are set, by path: an exact mirror of the C client's three tables.
///
/// It is exact because answers and events come in one queue, in the order in which the C client changed its own
/// tables. The rules are those of `zk_hashtable.c`: an answered read registers, an event takes out. (Only a watch that
/// could not be set again, since its node is gone or may not be read, is told its news here and stays in the C client's
/// table: another watch of that path may then fire once without need.)
package struct WatchTable {
    package enum Table: Sendable, Hashable, CaseIterable {
        case data
        case existence
        case children
    }

    package struct Key: Sendable, Hashable {
        package var table: Table
        package var path: ServerPath
    }

    /// The transactions that have made a node what it was when it was read.
    struct Seen: Equatable {
        var czxid: Zxid
        /// The last that a watch in this table sees.
        var changed: Zxid

        init(_ stat: ZNodeStat, _ table: Table) {
            czxid = stat.czxid
            changed = table == .children ? stat.pzxid : stat.mzxid
        }
    }

    struct Entry {
        var watches: [WatchRegistration] = []
        /// The state that the oldest watch has seen; `nil` if there was no node. What a newer read has shown may be news to
        /// it.
        var seen: Seen?
        /// The servers do not know these watches, as far as is known: the transport's handle is a new one, or the packet
        /// that sets watches again has been refused.
        var isStale = false
        /// A read that sets them again is waiting or under way.
        var isRenewing = false
        /// The connection on which the oldest of them was set.
        var oldestSetOn = 0
        /// The connection on which the newest of them was set.
        var newestSetOn = 0
        /// Reads under way that will register here.
        var pending = 0
        /// The server still has the watch until a removal has been answered.
        var isBeingRemoved = false
        /// Nobody holds it any more, and the server still has it: a read that is under way may want it.
        var isLeft = false
    }

    /// Watches that a server has and nobody holds, and which it is to be asked to remove.
    package struct Unwanted: Sendable, Hashable {
        package var watches: RemovableWatches
        package var path: ServerPath
    }

    var entries: [Key: Entry] = [:]
    /// The number of the present connection, or of the last one.
    var connection = 0
    /// Those that a read has left behind which did not want them after all.
    package private(set) var unwanted: [Unwanted] = []

    /// The size of all paths in the one packet that sets their watches again after a reconnect. Above the server's
    /// limit that packet would be refused for ever (ZOOKEEPER-706).
    package private(set) var encodedLength = 0
    package let budget: Int
    /// The number of watches that are set.
    package private(set) var setCount = 0

    package init(budget: Int) { self.budget = budget }

    /// Tells whether more than half of the budget is used.
    package var isShort: Bool { encodedLength * 2 > budget }

    /// The number of watches that are set or about to be set, for tests and metrics.
    package var count: Int { entries.values.reduce(0) { $0 + $1.watches.count + $1.pending } }

    /// Makes room for the watch that `request` is about to set.
    package mutating func reserve(for request: ServerRequest) throws(ZooKeeperError) {
        guard let key = Self.key(for: request) else { return }
        if entries[key] == nil {
            let length = Self.encodedLength(of: key)
            guard encodedLength + length <= budget else {
                throw ZooKeeperError(
                    .watchBudgetExceeded,
                    message:
                        "the paths that a session watches may take \(budget) bytes in all; release watches that are no longer needed"
                )
            }
            encodedLength += length
        }
        entries[key, default: Entry()].pending += 1
    }

    /// Registers the watch of an answered request, or forgets it.
    ///
    /// - Returns: `true` if the watch is registered now.
    package mutating func finish(
        _ request: ServerRequest, _ registration: WatchRegistration, _ code: ResultCode, seen stat: ZNodeStat? = nil
    ) -> Bool {
        guard let reserved = Self.key(for: request) else { return false }
        entries[reserved]?.pending -= 1
        var key: Key? = nil
        switch (reserved.table, code) {
        case (.existence, .ok): key = Key(table: .data, path: reserved.path)
        case (_, .ok), (.existence, .noNode): key = reserved
        default: break
        }
        if let key {
            if entries[key] == nil { encodedLength += Self.encodedLength(of: key) }
            var entry = entries[key] ?? Entry()
            if entry.watches.isEmpty {
                entry.seen = stat.map { Seen($0, key.table) }
                entry.oldestSetOn = connection
            }
            entry.newestSetOn = connection
            entry.watches.append(registration)
            entries[key] = entry
            setCount += 1
            entries[key]?.isLeft = false
        } else {
            leave(reserved)
        }
        removeIfUnused(reserved)
        return key != nil
    }

    /// A read has set no watch: one that was kept for it is not wanted.
    private mutating func leave(_ key: Key) {
        let removable: RemovableWatches = key.table == .children ? .children : .dataAndExistence
        let keys = removable.tables.map { Key(table: $0, path: key.path) }
        guard keys.contains(where: { entries[$0]?.isLeft == true }), mayRemove(removable, at: key.path) else { return }
        for key in keys {
            entries[key]?.isLeft = false
            entries[key]?.isBeingRemoved = true
        }
        unwanted.append(Unwanted(watches: removable, path: key.path))
    }

    /// Takes out the watches that the server is to be asked to remove.
    package mutating func takeUnwanted() -> [Unwanted] {
        defer { unwanted = [] }
        return unwanted
    }

    /// Takes out the watches that see this change.
    package mutating func fire(_ kind: WatchEvent.Kind, at path: ServerPath) -> [WatchRegistration] {
        let tables: [Table] =
            switch kind {
            case .created, .dataChanged: [.data, .existence]
            case .childrenChanged: [.children]
            case .deleted: [.data, .existence, .children]
            }
        var fired: [WatchRegistration] = []
        for table in tables { fired += takeWatches(Key(table: table, path: path)) }
        return fired
    }

    /// Takes out all watches.
    package mutating func drain() -> [WatchRegistration] {
        entries.keys.sorted { $0.path < $1.path }.flatMap { key in takeWatches(key) }
    }

    /// Takes out a watch that nobody holds any more.
    ///
    /// - Returns: The watches that the server should now be asked to remove, if that was the last one.
    package mutating func remove(
        _ registration: WatchRegistration, at path: ServerPath
    ) -> RemovableWatches? {
        for removable in [RemovableWatches.dataAndExistence, .children] {
            for table in removable.tables {
                let key = Key(table: table, path: path)
                guard let index = entries[key]?.watches.firstIndex(of: registration) else { continue }
                entries[key]?.watches.remove(at: index)
                setCount -= 1
                let keys = removable.tables.map { Key(table: $0, path: path) }
                guard keys.allSatisfy({ entries[$0].map { $0.watches.isEmpty && $0.pending == 0 } ?? true }) else {
                    if entries[key]?.watches.isEmpty == true { entries[key]?.isLeft = true }
                    return nil
                }
                for key in keys { entries[key]?.isBeingRemoved = true }
                return removable
            }
        }
        return nil
    }

    /// Tells whether the server may still be asked to remove these watches. A caller may have asked for new ones
    /// meanwhile, and the server, which has one for all, would remove theirs too.
    package func mayRemove(_ removable: RemovableWatches, at path: ServerPath) -> Bool {
        removable.tables.allSatisfy { table in
            entries[Key(table: table, path: path)].map { $0.watches.isEmpty && $0.pending == 0 } ?? true
        }
    }

    /// The server is not asked to remove these watches for now: see ``mayRemove(_:at:)``.
    package mutating func putOff(_ removable: RemovableWatches, at path: ServerPath) {
        for table in removable.tables {
            let key = Key(table: table, path: path)
            guard let entry = entries[key], entry.isBeingRemoved else { continue }
            entries[key]?.isBeingRemoved = false
            entries[key]?.isLeft = entry.watches.isEmpty
        }
    }

    /// The server has answered a removal, or will never be asked again.
    package mutating func removed(_ removable: RemovableWatches, at path: ServerPath) {
        for table in removable.tables {
            let key = Key(table: table, path: path)
            entries[key]?.isBeingRemoved = false
            entries[key]?.isLeft = false
            removeIfUnused(key)
        }
    }

    mutating func takeWatches(_ key: Key) -> [WatchRegistration] {
        // Looked up once: hashing a path costs more than the rest.
        guard let index = entries.index(forKey: key) else { return [] }
        let watches = entries.values[index].watches
        setCount -= watches.count
        if entries.values[index].pending == 0 {
            entries.remove(at: index)
            encodedLength -= Self.encodedLength(of: key)
        } else {
            entries.values[index].watches = []
            entries.values[index].isStale = false
            entries.values[index].isBeingRemoved = false
            entries.values[index].isLeft = false
        }
        return watches
    }

    private mutating func removeIfUnused(_ key: Key) {
        guard let entry = entries[key], entry.watches.isEmpty, entry.pending == 0, !entry.isBeingRemoved, !entry.isLeft
        else { return }
        entries[key] = nil
        encodedLength -= Self.encodedLength(of: key)
    }

    static func key(for request: ServerRequest) -> Key? {
        guard let path = request.path else { return nil }
        return switch request.action {
        case .exists: Key(table: .existence, path: path)
        case .getData: Key(table: .data, path: path)
        case .getChildren: Key(table: .children, path: path)
        default: nil
        }
    }

    private static func encodedLength(of key: Key) -> Int { key.path.string.utf8.count + 4 }
}

extension ServerResponse {
    /// The stat of the node that was read.
    var stat: ZNodeStat? {
        switch self {
        case .stat(let stat), .children(_, let stat), .accessControl(_, let stat): stat
        case .node(let node): node.stat
        case .created(_, let stat): stat
        case .done, .transaction: nil
        }
    }
}

extension RemovableWatches {
    var tables: [WatchTable.Table] {
        switch self {
        case .dataAndExistence: [.data, .existence]
        case .children: [.children]
        }
    }
}
