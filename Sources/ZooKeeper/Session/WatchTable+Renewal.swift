// SPDX-License-Identifier: Apache-2.0

// The watches of a session that goes on through a new handle of the transport: each is set again by a read.

extension WatchTable {
    /// The transport goes on through a new handle, whose tables are empty; or renewing them begins anew. No read of before
    /// is left that sets one of them again.
    package mutating func expectRenewal() {
        for index in entries.indices {
            entries.values[index].isStale = !entries.values[index].watches.isEmpty
            entries.values[index].isRenewing = false
        }
    }

    /// The server has refused the packet that sets the watches of earlier connections again.
    mutating func expectRenewalOfOlder() {
        for index in entries.indices where isOlder(entries.values[index]) { entries.values[index].isStale = true }
    }

    /// The server does not have these watches.
    mutating func expectRenewal(of removable: RemovableWatches, at path: ServerPath) {
        for table in removable.tables {
            let key = Key(table: table, path: path)
            if entries[key]?.watches.isEmpty == false { entries[key]?.isStale = true }
        }
    }

    private func isOlder(_ entry: Entry) -> Bool {
        !entry.watches.isEmpty && !entry.isStale && entry.oldestSetOn < connection
    }

    /// Tells whether there is a watch that only the packet of this connection can have set.
    var hasOlder: Bool { entries.contains { isOlder($0.value) } }

    /// A watch that only the packet of this connection can have set: no read is or was under way that sets it too.
    package var checkable: (watches: RemovableWatches, path: ServerPath)? {
        for (key, entry) in entries where isOlder(entry) {
            let removable: RemovableWatches = key.table == .children ? .children : .dataAndExistence
            let all = removable.tables.compactMap { entries[Key(table: $0, path: key.path)] }
            if all.allSatisfy({
                $0.pending == 0 && !$0.isStale && !$0.isBeingRemoved && $0.newestSetOn < connection
            }) {
                return (removable, key.path)
            }
        }
        return nil
    }

    /// Takes out the watches to be set again, one read for each, that no read is under way for.
    package mutating func takeRenewals() -> [Key] {
        var renewals: [Key] = []
        for index in entries.indices {
            let entry = entries.values[index]
            guard entry.isStale, !entry.isRenewing, !entry.watches.isEmpty else { continue }
            entries.values[index].isRenewing = true
            renewals.append(entries.keys[index])
        }
        return renewals
    }

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
    /// - Parameters:
    ///   - key: The watch. One of data is set again by `get`, or by `exists`.
    ///   - action: The read.
    /// - Returns: `nil` if there is nothing to do.
    package mutating func renewed(
        _ key: Key, by action: Action<ServerStep>, _ result: Result<ServerResponse, ResultFailure>
    ) -> Renewal? {
        entries[key]?.isRenewing = false
        guard let entry = entries[key], entry.isStale else { return superfluous(key, action, result) }
        entries[key]?.isStale = false
        entries[key]?.oldestSetOn = connection
        entries[key]?.newestSetOn = connection
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
            // `exists` has set one that waits for the node.
            isSet = failure.code == .noNode && action == .exists
        }
        if renewal.kind != nil { renewal.fired = takeWatches(key) }
        if isSet { renewal.removable = removableIfUnused(key) }
        return renewal
    }

    /// A watch has been set again that nobody has waited for any more.
    private mutating func superfluous(
        _ key: Key, _ action: Action<ServerStep>, _ result: Result<ServerResponse, ResultFailure>
    ) -> Renewal? {
        let isSet =
            switch result {
            case .success: true
            case .failure(let failure): action == .exists && failure.code == .noNode
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

    /// The read that sets such a watch again where the node is there, as far as is known: it brings no data, and servers
    /// before 3.9 answer it also to those who may not read the node.
    var shortRead: Action<TransactionStep> {
        switch table {
        case .data, .existence: .exists
        case .children: .getChildren
        }
    }
}
