// SPDX-License-Identifier: Apache-2.0

// The watches of a session that goes on through a new handle of the transport: each is set again by a read.

extension WatchTable {
    /// The transport goes on through a new handle, whose tables are empty.
    package mutating func expectRenewal() {
        for index in entries.indices { entries.values[index].isStale = !entries.values[index].watches.isEmpty }
    }

    /// The server does not have these watches.
    mutating func expectRenewal(of removable: RemovableWatches, at path: ServerPath) {
        for table in removable.tables {
            let key = Key(table: table, path: path)
            if entries[key]?.watches.isEmpty == false { entries[key]?.isStale = true }
        }
    }

    /// Tells whether the server is believed to have a watch.
    var hasFresh: Bool { entries.contains { !$0.value.watches.isEmpty && !$0.value.isStale } }

    /// A watch that only a packet of before this connection can have set: no read is under way that sets it too.
    var checkable: (watches: RemovableWatches, path: ServerPath)? {
        for (key, entry) in entries where !entry.watches.isEmpty && !entry.isStale {
            let removable: RemovableWatches = key.table == .children ? .children : .dataAndExistence
            let others = removable.tables.compactMap { entries[Key(table: $0, path: key.path)] }
            if others.allSatisfy({ $0.pending == 0 && !$0.isStale && !$0.isBeingRemoved }) {
                return (removable, key.path)
            }
        }
        return nil
    }

    /// The watches to be set again: one read for each.
    package var renewals: [Key] { entries.filter { $0.value.isStale && !$0.value.watches.isEmpty }.map(\.key) }

    /// A watch that has been set again, or that fires because its node has changed meanwhile.
    package struct Renewal {
        package var path: ServerPath
        /// The change, if there was one.
        package var kind: WatchEvent.Kind?
        /// The watches that see it.
        package var fired: [WatchRegistration] = []
        /// The watches that the read has set and that nobody holds.
        package var removable: RemovableWatches?
    }

    /// Takes in the answer to a read that sets a watch again.
    ///
    /// The news is what the server would send if the old handle had come back (`setWatches` in `DataTree.java`); but it
    /// is taken from the node itself, and not from the newest transaction that the client has seen. A node that cannot
    /// be read any more counts as changed: its watch would be lost without a word.
    ///
    /// - Returns: `nil` if there is nothing to do.
    package mutating func renewed(
        _ request: ServerRequest, _ result: Result<ServerResponse, ResultFailure>
    ) -> Renewal? {
        guard let key = Self.key(for: request) else { return nil }
        guard let entry = entries[key], entry.isStale else { return superfluous(key, result) }
        entries[key]?.isStale = false
        var renewal = Renewal(path: key.path)
        let isSet: Bool
        switch (result, key.table) {
        case (.success(let response), .existence):
            renewal.kind = .created
            isSet = response.stat != nil
        case (.success(let response), let table):
            let now = response.stat.map { Seen($0, table) }
            if now != entry.seen { renewal.kind = table == .children ? .childrenChanged : .dataChanged }
            isSet = true
        case (.failure(let failure), .existence) where failure.code == .noNode: isSet = true
        case (.failure(let failure), let table):
            renewal.kind =
                switch table {
                // There is a node, which may not be read.
                case .existence: .created
                case _ where failure.code == .noNode: .deleted
                case .children: .childrenChanged
                case .data: .dataChanged
                }
            isSet = false
        }
        if renewal.kind != nil { renewal.fired = takeWatches(key) }
        if isSet { renewal.removable = removableIfUnused(key) }
        return renewal
    }

    /// A watch has been set again that nobody has waited for any more.
    private mutating func superfluous(_ key: Key, _ result: Result<ServerResponse, ResultFailure>) -> Renewal? {
        let isSet =
            switch result {
            case .success: true
            case .failure(let failure): key.table == .existence && failure.code == .noNode
            }
        guard isSet, let removable = removableIfUnused(key) else { return nil }
        return Renewal(path: key.path, removable: removable)
    }

    /// The watches at a path that the server is to take off, because nobody holds one.
    private mutating func removableIfUnused(_ key: Key) -> RemovableWatches? {
        let removable: RemovableWatches = key.table == .children ? .children : .dataAndExistence
        guard entries[key]?.watches.isEmpty ?? true, mayRemove(removable, at: key.path) else { return nil }
        for table in removable.tables { entries[Key(table: table, path: key.path)]?.isBeingRemoved = true }
        return removable
    }
}

extension WatchTable.Key {
    /// The read that sets such a watch. (Of an absent node, `get` would set none: that is the point where there was one.)
    var read: Action<TransactionStep> {
        switch table {
        case .data: .getData
        case .existence: .exists
        case .children: .getChildren
        }
    }
}
