package import ZooKeeper

/// One standalone ZooKeeper server as a value: events go in, outputs come out; no I/O, no clock, no task.
///
/// Equal values behave alike, copies are cheap and share nothing, and whatever a server decides by chance or by hash is
/// decided here by order. So a checker can explore what may happen, and a test can replay it.
///
/// A request is executed by the event that brings it to the server, and its outputs are values: the code that drives
/// the model can deliver them late, or lose a connection before the request arrives, or after it was executed and
/// before its answer arrives. Per connection the outputs are in the order in which a server would send them.
///
/// Differs from a server in this: the ephemeral nodes of a session that ends go in the order of their paths (a server's
/// order is that of a hash table), empty containers and nodes whose time to live is over go by ``Event/reap(_:)`` only,
/// and sessions expire by ``Event/expire(_:)`` only. There are no quotas and no super user.
package struct ZooKeeperModel: Sendable, Hashable {
    /// A connection of a client. Numbered by the code that drives the model, each number once.
    package struct ConnectionID: Sendable, Hashable, Comparable {
        package let number: Int

        package init(_ number: Int) { self.number = number }

        package static func < (left: Self, right: Self) -> Bool { left.number < right.number }
    }

    /// An event at the server.
    package enum Event: Sendable, Hashable {
        /// A client connects: for a new session, or to go on with one.
        case connect(ConnectionID, session: SessionID?)
        /// A request arrives and is executed.
        case request(ConnectionID, xid: Int32, Request.Kind, watch: Bool)
        /// A client that has connected again says which watches it has, in an order of its choice, and up to which
        /// transaction it has seen everything.
        case setWatches(ConnectionID, after: Zxid, data: [String], existence: [String], children: [String])
        /// A client closes its session.
        case closeSession(ConnectionID, xid: Int32)
        /// The server notices that a connection is gone. Requests it had not yet received are lost.
        case disconnect(ConnectionID)
        /// The server has not heard of a session for its time-out.
        case expire(SessionID)
        /// The server looks at a container, or at a node whose time to live is over, and removes it if it may.
        case reap(String)
    }

    /// A message from the server to a connection.
    package enum Output: Sendable, Hashable {
        /// The connection stands, and belongs to this session.
        case connected(ConnectionID, SessionID)
        /// The session that was asked for is over.
        case expired(ConnectionID)
        /// The answer to a request. `zxid` is the last transaction that the server had executed.
        case reply(ConnectionID, xid: Int32, zxid: Zxid, Result<Response.Kind, ResultFailure>)
        /// A watch fires.
        case event(ConnectionID, WatchEvent.Kind, path: String)
        /// The server closes the connection.
        case closed(ConnectionID)

        /// To whom.
        package var connection: ConnectionID {
            switch self {
            case .connected(let connection, _), .expired(let connection), .reply(let connection, _, _, _),
                .event(let connection, _, _), .closed(let connection):
                connection
            }
        }
    }

    struct Connection: Hashable {
        var session: SessionID
        var identities: [AccessControl.Identity]
    }

    /// The `xid` of the answer to ``Event/setWatches(_:after:data:existence:children:)``, as in the protocol.
    package static let setWatchesXid: Int32 = -8

    /// The server's clock in milliseconds since 1970, for `ctime` and `mtime`. Stands still unless it is set.
    package var time: Int64 = 0
    /// The last transaction.
    package internal(set) var zxid = Zxid(rawValue: 0)
    package internal(set) var tree = Tree()
    /// The sessions that live, and by which connection.
    package private(set) var sessions: [SessionID: ConnectionID?] = [:]
    var connections: [ConnectionID: Connection] = [:]
    var watches = Watches()
    private var lastSession: Int64 = 0

    package init() {}

    /// - Returns: What the server sends because of it, in order.
    package mutating func apply(_ event: Event) -> [Output] {
        var outputs: [Output] = []
        switch event {
        case .connect(let connection, let session): connect(connection, session, &outputs)
        case .request(let connection, let xid, let kind, let watch):
            // What a connection brings that the server has closed is not read any more.
            if connections[connection] == nil { break }
            execute(kind, watch: watch, xid: xid, from: connection, &outputs)
        case .setWatches(let connection, let seen, let data, let existence, let children):
            if connections[connection] == nil { break }
            setWatches(connection, seen, data, existence, children, &outputs)
        case .closeSession(let connection, let xid):
            guard let session = connections[connection]?.session else { break }
            deleteEphemerals(of: session, &outputs)
            outputs.append(.reply(connection, xid: xid, zxid: zxid, .success(.done)))
            end(session, &outputs)
        case .disconnect(let connection): drop(connection)
        case .expire(let session):
            if sessions[session] == nil { break }
            deleteEphemerals(of: session, &outputs)
            end(session, &outputs)
        case .reap(let path): reap(path, &outputs)
        }
        return outputs
    }

    // MARK: Sessions

    private mutating func connect(_ connection: ConnectionID, _ session: SessionID?, _ outputs: inout [Output]) {
        let id: SessionID
        if let session {
            guard let former = sessions[session] else {
                outputs.append(.expired(connection))
                return
            }
            // A session has one connection. What the former one has not brought yet is lost.
            if let former { close(former, &outputs) }
            id = session
        } else {
            zxid = zxid.next
            lastSession += 1
            id = SessionID(rawValue: lastSession)
        }
        sessions[id] = .some(connection)
        connections[connection] = Connection(session: id, identities: [.local])
        outputs.append(.connected(connection, id))
    }

    private mutating func deleteEphemerals(of session: SessionID, _ outputs: inout [Output]) {
        zxid = zxid.next
        for path in tree.ephemerals(of: session) {
            fire(tree.delete(path, zxid: zxid).change, &outputs)
        }
    }

    private mutating func end(_ session: SessionID, _ outputs: inout [Output]) {
        if let connection = sessions.removeValue(forKey: session) ?? nil { close(connection, &outputs) }
    }

    mutating func close(_ connection: ConnectionID, _ outputs: inout [Output]) {
        drop(connection)
        outputs.append(.closed(connection))
    }

    private mutating func drop(_ connection: ConnectionID) {
        guard let session = connections.removeValue(forKey: connection)?.session else { return }
        watches.removeAll(of: connection)
        if sessions[session] == .some(connection) { sessions[session] = .some(nil) }
    }

    // MARK: Containers and time to live

    /// The nodes that ``Event/reap(_:)`` would remove now, if the time to live is over.
    package var reapable: [String] {
        tree.nodes.filter { $0.value.isReapable }.keys.sorted()
    }

    private mutating func reap(_ path: String, _ outputs: inout [Output]) {
        guard tree.nodes[path]?.isReapable == true else { return }
        zxid = zxid.next
        fire(tree.delete(path, zxid: zxid).change, &outputs)
    }
}

extension Zxid {
    var next: Zxid { Zxid(rawValue: rawValue + 1) }
}
