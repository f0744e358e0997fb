public import ZooKeeper

/// A client that takes part in a lock or an election, as every other client can see it.
public struct Participant: Sendable, Hashable {
    /// The name that it has given itself: by our locks the host's name and the process id, by Curator's the host's
    /// address.
    public var id: String
    /// Its node.
    public var path: ZNodePath
    /// The access that it asks for.
    public var kind: ContenderKind
    /// Its session. `0x0` if the node is not ephemeral.
    public var session: SessionID
}

extension Participant {
    init(_ name: ContenderName, _ path: ZNodePath, _ node: ZNode) {
        self.init(
            id: String(decoding: node.data, as: UTF8.self), path: path, kind: name.kind,
            session: node.stat.ephemeralOwner)
    }
}
