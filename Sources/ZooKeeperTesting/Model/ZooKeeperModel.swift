// SPDX-License-Identifier: Apache-2.0

package import ZooKeeper

/// A model of one standalone ZooKeeper server, as a value: events go in, outputs come out; no I/O, no clock, no task.
///
/// Equal values behave alike, copies are cheap and share nothing, and what a server leaves to chance or to the order of
/// a hash table is decided by a fixed order. So a model checker can explore all histories, and a test can replay one.
///
/// A request is executed by the event that brings it to the server, and its outputs are values: the caller can deliver
/// them late, or lose a connection before the request arrives, or after it was executed and before its reply arrives.
/// The outputs for a connection are in the order in which a server would send them.
///
/// Differences from a real server: the ephemeral nodes of a session that ends are deleted in the order of their paths
/// (a server's order is that of a hash table), empty containers and nodes whose time to live is over are deleted by
/// ``Event/reap(_:)`` only, and sessions expire by ``Event/expire(_:)`` only. There are no quotas and there is no super
/// user.
package struct ZooKeeperModel: Sendable, Hashable {
    /// The number of a client's connection. The caller chooses it, and uses each number once.
    package struct ConnectionID: Sendable, Hashable, Comparable {
        package let number: Int

        package init(_ number: Int) { self.number = number }

        package static func < (left: Self, right: Self) -> Bool { left.number < right.number }
    }

    /// An event at the server.
    package enum Event: Sendable, Hashable {
        /// A client connects, for a new session or to resume one.
        case connect(ConnectionID, session: SessionID?)
        /// A request arrives and is executed.
        case request(ConnectionID, xid: Int32, ServerRequest, watch: Bool)
        /// A client that has reconnected sets its watches again, in an order of its choice, with the zxid of the last
        /// transaction that it has seen.
        case setWatches(ConnectionID, after: Zxid, data: [String], existence: [String], children: [String])
        /// A client closes its session.
        case closeSession(ConnectionID, xid: Int32)
        /// The server notices that a connection is lost. Requests that it had not yet received are lost too.
        case disconnect(ConnectionID)
        /// The server has not heard of a session for its time-out.
        case expire(SessionID)
        /// The server checks a container, or a node whose time to live is over, and removes it if it may.
        case reap(String)
    }

    /// A message that the server sends on a connection.
    package enum Output: Sendable, Hashable {
        /// The connection is established and belongs to this session.
        case connected(ConnectionID, SessionID)
        /// The session that the client wanted to resume has ended.
        case expired(ConnectionID)
        /// The reply to a request. `zxid` is that of the last transaction that the server had executed.
        case reply(ConnectionID, xid: Int32, zxid: Zxid, Result<ServerResponse, ResultFailure>)
        /// A watch fires.
        case event(ConnectionID, WatchEvent.Kind, path: String)
        /// The server closes the connection.
        case closed(ConnectionID)

        /// The connection that the message is sent on.
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

    /// The `xid` of the reply to ``Event/setWatches(_:after:data:existence:children:)``, as in the protocol.
    package static let setWatchesXid: Int32 = -8

    /// The server's clock in milliseconds since 1970, for `ctime` and `mtime`. It changes only when it is set.
    package var time: Int64 = 0
    /// Lets `exists` be a right of those that may read the node, as on servers of version 3.9.3; otherwise it is everyone's.
    package var existsNeedsRead = false
    /// The zxid of the last transaction.
    package internal(set) var zxid = Zxid(rawValue: 0)
    package internal(set) var tree = Tree()
    /// The sessions that live, each with its connection, if it has one.
    package private(set) var sessions: [SessionID: ConnectionID?] = [:]
    var connections: [ConnectionID: Connection] = [:]
    var watches = Watches()
    private var lastSession: Int64 = 0

    package init() {}

    /// Executes an event.
    ///
    /// - Returns: The messages that the server sends because of it, in order.
    package mutating func apply(_ event: Event) -> [Output] {
        var outputs: [Output] = []
        switch event {
        case .connect(let connection, let session): connect(connection, session, &outputs)
        case .request(let connection, let xid, let kind, let watch):
            // The server does not read from a connection that it has closed.
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
            // A session has one connection. Requests on the former one that have not arrived are lost.
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

    /// The paths of the nodes that ``Event/reap(_:)`` removes, for those with a time to live if it is over.
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
