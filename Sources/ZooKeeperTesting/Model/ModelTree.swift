// SPDX-License-Identifier: Apache-2.0

package import ZooKeeper

extension ZooKeeperModel {
    /// All nodes. Its changes do not check permissions and versions, and can be undone.
    package struct Tree: Sendable, Hashable {
        package private(set) var nodes: [String: Node]

        /// The nodes of a new server, which cannot be deleted.
        static let special: Set<String> = ["/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"]

        init() {
            // They exist without having been created, so no count of creations includes them.
            nodes = ["/": Node(), "/zookeeper": Node(), "/zookeeper/config": Node(), "/zookeeper/quota": Node()]
            nodes["/"]?.children = ["zookeeper"]
            nodes["/zookeeper"]?.children = ["config", "quota"]
            nodes["/zookeeper/config"]?.accessControl = AccessControl.readOnly.entries
            nodes["/zookeeper/config"]?.aversion = -1
        }

        /// Returns the paths of a session's ephemeral nodes, sorted.
        package func ephemerals(of session: SessionID) -> [String] {
            nodes.filter { $0.value.lifetime == .ephemeral(session) }.keys.sorted()
        }
    }

    /// A change that watches report, and the access control lists that decide which clients may see it.
    struct Change {
        var kind: WatchEvent.Kind
        var path: String
        var accessControl: [AccessControl.Entry]
        var parentAccessControl: [AccessControl.Entry] = []
    }
}

extension ZooKeeperModel.Tree {
    /// The information that undoes a change.
    enum Undo {
        case create(path: String, parentCreations: Int32, parentPzxid: Zxid)
        case delete(path: String, ZooKeeperModel.Node, parentPzxid: Zxid)
        case setData(path: String, ZooKeeperModel.Node)
    }

    typealias Effect = (change: ZooKeeperModel.Change, undo: Undo)

    /// Adds a node, which must not exist, to its parent, which must exist.
    mutating func create(_ path: String, _ node: ZooKeeperModel.Node) -> Effect {
        let (parent, name) = Self.split(path)
        let undo = Undo.create(
            path: path, parentCreations: nodes[parent]?.creations ?? 0,
            parentPzxid: nodes[parent]?.pzxid ?? node.czxid)
        let change = ZooKeeperModel.Change(
            kind: .created, path: path, accessControl: node.accessControl,
            parentAccessControl: nodes[parent]?.accessControl ?? [])
        nodes[parent]?.children.insert(name)
        nodes[parent]?.countCreation(zxid: node.czxid)
        nodes[path] = node
        return (change, undo)
    }

    /// Removes a node, which must exist and have no children.
    mutating func delete(_ path: String, zxid: Zxid) -> Effect {
        let (parent, name) = Self.split(path)
        let node = nodes.removeValue(forKey: path) ?? ZooKeeperModel.Node()
        let undo = Undo.delete(path: path, node, parentPzxid: nodes[parent]?.pzxid ?? zxid)
        nodes[parent]?.children.remove(name)
        nodes[parent]?.pzxid = zxid
        let change = ZooKeeperModel.Change(
            kind: .deleted, path: path, accessControl: node.accessControl,
            parentAccessControl: nodes[parent]?.accessControl ?? [])
        return (change, undo)
    }

    /// Sets the data of a node, which must exist.
    mutating func setData(_ path: String, _ data: [UInt8], zxid: Zxid, time: Int64) -> Effect {
        let undo = Undo.setData(path: path, nodes[path] ?? ZooKeeperModel.Node())
        nodes[path]?.data = data
        nodes[path]?.version &+= 1
        nodes[path]?.mzxid = zxid
        nodes[path]?.mtime = time
        let change = ZooKeeperModel.Change(
            kind: .dataChanged, path: path, accessControl: nodes[path]?.accessControl ?? [])
        return (change, undo)
    }

    mutating func setAccessControl(_ path: String, _ accessControl: [AccessControl.Entry]) {
        nodes[path]?.accessControl = accessControl
        nodes[path]?.aversion &+= 1
    }

    /// Undoes changes, the last one first.
    mutating func undo(_ undos: [Undo]) {
        for undo in undos.reversed() {
            switch undo {
            case .create(let path, let creations, let pzxid):
                let (parent, name) = Self.split(path)
                nodes[path] = nil
                nodes[parent]?.children.remove(name)
                nodes[parent]?.creations = creations
                nodes[parent]?.pzxid = pzxid
            case .delete(let path, let node, let pzxid):
                let (parent, name) = Self.split(path)
                nodes[path] = node
                nodes[parent]?.children.insert(name)
                nodes[parent]?.pzxid = pzxid
            case .setData(let path, let node): nodes[path] = node
            }
        }
    }

    /// Splits a path into its parent's path and the node's name. The root counts as its own child with an empty name.
    static func split(_ path: String) -> (parent: String, name: String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return ("/", path) }
        let parent = path[..<slash]
        return (parent.isEmpty ? "/" : String(parent), String(path[path.utf8.index(after: slash)...]))
    }
}

extension ZooKeeperModel.Node {
    /// Counts the creation of a child and sets `pzxid`. Like the server, does neither when the count is at its limit.
    fileprivate mutating func countCreation(zxid: Zxid) {
        guard creations < .max else { return }
        creations += 1
        pzxid = zxid
    }
}
