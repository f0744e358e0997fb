// SPDX-License-Identifier: Apache-2.0

public import ZooKeeper

/// A client that takes part in a lock or an election, as every other client can see it.
///
/// Its place in the queue is known from its name. The rest is in its node, which this client may not be allowed to read,
/// and which other libraries fill as they like.
public struct Participant: Sendable, Hashable {
    /// The name that it has given itself: by our locks the host's name and the process id, by Curator's the host's
    /// address. `nil` if its node cannot be read, or if its revocation has been requested: the request stands in its place.
    public var id: String?
    /// Its node.
    public var path: ZNodePath
    /// The access that it asks for.
    public var kind: ContenderKind
    /// The moment at which it joined the queue, by the server's clock, in milliseconds since 1970. `nil` if its node cannot
    /// be read.
    public var since: Int64?
    /// The fencing token that it has as a holder. `nil` if its node cannot be read. (A reader that was the writer before has
    /// kept that one's, which is smaller and is not in its node.)
    public var fencingToken: FencingToken?
    /// Its session; `0x0` if the node is not ephemeral. `nil` if its node cannot be read.
    public var session: SessionID?
}

extension Participant {
    /// - Parameter node: What is in its node; `nil` if that cannot be read.
    init(_ name: ContenderName, _ path: ZNodePath, _ node: ZNode?) {
        self.init(
            id: node.flatMap {
                RevocationRequest.isContained(in: $0.data) ? nil : String(decoding: $0.data, as: UTF8.self)
            },
            path: path, kind: name.kind,
            since: node?.stat.ctime, fencingToken: (node?.stat.czxid).map { FencingToken(czxid: $0) },
            session: node?.stat.ephemeralOwner)
    }

    /// Fails if the node is none of that queue.
    init?(_ name: String, _ directory: ZNodePath, _ node: ZNode, _ dialect: LineDialect) {
        guard case .contender(let contender) = dialect.parse(name) else { return nil }
        self.init(contender, directory.child(name), node)
    }

    /// Throws if this is no participant of the queue in `directory`.
    func requireMembership(of directory: ZNodePath, _ dialect: LineDialect) throws(ZooKeeperError) {
        if path.parent == directory, case .contender = dialect.parse(path.name) { return }
        throw ZooKeeperError(
            .invalidArgument, path: path.string,
            message: "\(path) is not the node of a participant of \(directory)")
    }
}
