// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

extension ZooKeeperModel {
    /// The table of watches. The server knows connections, not sessions, and keeps each connection's watch of a path
    /// once, however often it was set.
    struct Watches: Hashable {
        /// The watches that `getData` and `exists` set.
        private var data: [String: Set<ConnectionID>] = [:]
        /// The watches that `getChildren` sets.
        private var children: [String: Set<ConnectionID>] = [:]

        enum Table {
            case data
            case children

            fileprivate var keyPath: WritableKeyPath<Watches, [String: Set<ConnectionID>]> {
                switch self {
                case .data: \.data
                case .children: \.children
                }
            }
        }

        /// The number of watches, as the server counts them.
        var count: Int {
            data.values.reduce(0) { $0 + $1.count } + children.values.reduce(0) { $0 + $1.count }
        }

        mutating func insert(_ connection: ConnectionID, at path: String, in table: Table) {
            self[keyPath: table.keyPath][path, default: []].insert(connection)
        }

        /// Removes all watches of a path.
        ///
        /// - Returns: The connections that had set them, sorted.
        mutating func take(_ path: String, from table: Table) -> [ConnectionID] {
            guard let connections = self[keyPath: table.keyPath].removeValue(forKey: path) else { return [] }
            return connections.sorted()
        }

        /// Removes a watch.
        ///
        /// - Returns: `true` if it was set.
        mutating func remove(_ connection: ConnectionID, at path: String, from table: Table) -> Bool {
            let keyPath = table.keyPath
            guard self[keyPath: keyPath][path]?.remove(connection) != nil else { return false }
            // Without this, values that behave alike would not be equal.
            if self[keyPath: keyPath][path]?.isEmpty == true { self[keyPath: keyPath][path] = nil }
            return true
        }

        mutating func removeAll(of connection: ConnectionID) {
            for table in [Table.data, .children] {
                for path in self[keyPath: table.keyPath].filter({ $0.value.contains(connection) }).keys {
                    _ = remove(connection, at: path, from: table)
                }
            }
        }
    }

    /// Fires the watches that a change concerns. Connections that may not read the node get no event.
    mutating func fire(_ change: Change, _ outputs: inout [Output]) {
        let connections = watches.take(change.path, from: .data)
        sendEvents(to: connections, change.kind, change.path, change.accessControl, &outputs)
        switch change.kind {
        case .created, .deleted:
            if change.kind == .deleted {
                // One event for both tables.
                let others = watches.take(change.path, from: .children).filter { !connections.contains($0) }
                sendEvents(to: others, .deleted, change.path, change.accessControl, &outputs)
            }
            let parent = Tree.split(change.path).parent
            sendEvents(
                to: watches.take(parent, from: .children), .childrenChanged, parent, change.parentAccessControl,
                &outputs)
        default: break
        }
    }

    private func sendEvents(
        to watchers: [ConnectionID], _ kind: WatchEvent.Kind, _ path: String, _ accessControl: [AccessControl.Entry],
        _ outputs: inout [Output]
    ) {
        for connection in watchers where allows(.read, by: accessControl, connection) {
            outputs.append(.event(connection, kind, path: path))
        }
    }

    /// Sets the watches of a client that has reconnected. Those whose node has changed since `seen` fire at once.
    mutating func setWatches(
        _ connection: ConnectionID, _ seen: Zxid, _ data: [String], _ existence: [String], _ children: [String],
        _ outputs: inout [Output]
    ) {
        for path in data {
            if let node = tree.nodes[path], node.mzxid <= seen {
                watches.insert(connection, at: path, in: .data)
            } else {
                let kind: WatchEvent.Kind = tree.nodes[path] == nil ? .deleted : .dataChanged
                outputs.append(.event(connection, kind, path: path))
            }
        }
        for path in existence {
            if tree.nodes[path] == nil {
                watches.insert(connection, at: path, in: .data)
            } else {
                outputs.append(.event(connection, .created, path: path))
            }
        }
        for path in children {
            if let node = tree.nodes[path], node.pzxid <= seen {
                watches.insert(connection, at: path, in: .children)
            } else {
                let kind: WatchEvent.Kind = tree.nodes[path] == nil ? .deleted : .childrenChanged
                outputs.append(.event(connection, kind, path: path))
            }
        }
        outputs.append(.reply(connection, xid: Self.setWatchesXid, zxid: zxid, .success(.done)))
    }
}
