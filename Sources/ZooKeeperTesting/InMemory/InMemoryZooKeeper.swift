// SPDX-License-Identifier: Apache-2.0

package import Dispatch
public import Logging
import Synchronization
public import ZooKeeper

/// A ZooKeeper server in this process's memory, for unit tests that need neither Java nor a network.
///
/// ```swift
/// let zooKeeper = InMemoryZooKeeper()
/// try await zooKeeper.withClient { client in
///     try await client.create("/hello")
/// }
/// ```
///
/// Its clients are ordinary ``/ZooKeeper/ZooKeeperClient``s: sessions, watches, transactions, access control, and
/// everything that is built on them, such as locks, work as with a standalone server of version 3.8, with which its answers are
/// compared. Any number of clients may use it; each object has nodes of its own, which are gone with the object.
///
/// Differences from a real server:
/// * There is no network: no message is late, none is lost but by ``cut()``, ``whileRefusing(isolation:_:)`` and
///   ``loseNextReply(to:)``, and the C client is not involved.
/// * There is no ensemble, no leader and no election: no client ever reads stale data.
/// * Nothing is persistent.
/// * Empty containers, and nodes whose time to live is over, stay until ``removeEmptyContainers()`` and
///   ``endTimeToLive(of:)``.
/// * The authentication schemes are `digest` and `ip`; there are no quotas and there is no super user.
///
/// A session ends when it is closed, by ``expire(_:)``, or when it has had no connection for as long as its time-out.
public final class InMemoryZooKeeper: Sendable {
    let state: Mutex<State>

    /// Creates a server that has only the nodes of every new server.
    public init() { state = Mutex(State()) }

    /// A configuration for its clients, which may be changed. The session time-out is 4 s, as in
    /// ``ZooKeeperServer/configuration``; the server addresses are ignored.
    public var configuration: ZooKeeperConfiguration {
        var configuration: ZooKeeperConfiguration = "in-memory:2181"
        configuration.sessionTimeout = .seconds(4)
        return configuration
    }

    /// Runs `body` with a client, and closes the client when it returns.
    ///
    /// - Parameters:
    ///   - configuration: The client's time-outs, chroot and credentials; `nil`: ``configuration``.
    ///   - logger: The client's logger.
    ///   - isolation: The isolation of `body`: the caller's.
    ///   - body: Uses the client. Runs in the caller's isolation.
    /// - Throws: Any error that `body` throws, or ``/ZooKeeper/ZooKeeperError`` with code `invalidConfiguration`.
    @discardableResult
    public func withClient<Success>(
        _ configuration: ZooKeeperConfiguration? = nil,
        logger: Logger = .current,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (ZooKeeperClient) async throws -> Success
    ) async throws -> Success {
        try await makeClient(configuration, logger: logger).run(during: body)
    }

    /// Makes a client that the caller runs, for example in a `ServiceGroup`.
    ///
    /// - Parameters:
    ///   - configuration: The client's time-outs, chroot and credentials; `nil`: ``configuration``.
    ///   - logger: The client's logger.
    /// - Throws: ``/ZooKeeper/ZooKeeperError`` with code `invalidConfiguration`.
    public func makeClient(
        _ configuration: ZooKeeperConfiguration? = nil, logger: Logger = .current
    ) throws -> ZooKeeperClient {
        try ZooKeeperClient(configuration ?? self.configuration, logger: logger) { configuration, _ in
            self.makeTransport(credentials: configuration.credentials)
        }
    }

    /// Makes the transport of one session.
    ///
    /// - Parameters:
    ///   - credentials: The credentials that are sent on each connection.
    ///   - queue: The queue on which the delegate is called.
    package func makeTransport(
        credentials: [Credential] = [], on queue: DispatchQueue = DispatchQueue(label: "zookeeper.in-memory")
    ) -> any SessionTransport {
        InMemoryTransport(self, credentials: credentials, on: queue)
    }

    /// Answers `exists` only to clients that may read the node, as servers of version 3.9.3 do.
    package func requireReadForExists() { state.withLock { $0.model.existsNeedsRead = true } }

    // MARK: Faults

    /// Ends a session on the server: its ephemeral nodes are deleted, and its client learns that it has expired. Does
    /// nothing if the session has ended already.
    ///
    /// - Throws: ``TestKitError`` if the session was never connected.
    public func expire(_ session: ZooKeeperSession) throws {
        guard let id = session.id else { throw TestKitError("the session was never connected") }
        state.withLock { $0.apply(.expire(id), self) }
    }

    /// Cuts all connections. Answers that are on their way are lost; the clients connect again at once.
    public func cut() {
        state.withLock { $0.cut(self) }
    }

    /// Cuts the connection of one session, if it has one.
    public func cut(_ session: ZooKeeperSession) {
        state.withLock { state in
            if let id = session.id, let connection = state.model.sessions[id] ?? nil { state.cut(connection, self) }
        }
    }

    /// Cuts all connections and accepts none while `body` runs.
    public func whileRefusing<Success>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Success
    ) async rethrows -> Success {
        state.withLock { $0.beginRefusal(of: nil, self) }
        defer { state.withLock { $0.endRefusal(of: nil, self) } }
        return try await body()
    }

    /// Cuts the connection of one session and accepts none from it while `body` runs. Only runs `body` if the session
    /// was never connected.
    public func whileRefusing<Success>(
        _ session: ZooKeeperSession, isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> Success
    ) async rethrows -> Success {
        guard let id = session.id else { return try await body() }
        state.withLock { $0.beginRefusal(of: id, self) }
        defer { state.withLock { $0.endRefusal(of: id, self) } }
        return try await body()
    }

    /// Cuts the connection in place of the next answer to a request of this type: the request has been executed, but
    /// the client does not learn of it.
    public func loseNextReply(to operation: OperationCode) {
        state.withLock { $0.replyToLose = operation }
    }

    // MARK: Cleanup that a real server does after some time

    /// Removes the containers that have had children and have none now.
    public func removeEmptyContainers() {
        state.withLock { state in
            for path in state.model.reapable where state.model.tree.nodes[path]?.lifetime == .container {
                state.apply(.reap(path), self)
            }
        }
    }

    /// Ends the time to live of a node: the node is removed if it was created with one and has no children.
    ///
    /// - Parameter path: The path on the server; no client's chroot is added.
    public func endTimeToLive(of path: ZNodePath) {
        state.withLock { state in
            if case .timeToLive = state.model.tree.nodes[path.string]?.lifetime {
                state.apply(.reap(path.string), self)
            }
        }
    }

    // MARK: State

    /// The number of watches that are set, as a server counts them.
    public var watchCount: Int { state.withLock { $0.model.watches.count } }

    /// The number of sessions that live.
    public var sessionCount: Int { state.withLock { $0.model.sessions.count } }

    /// The current state of the server.
    package var model: ZooKeeperModel { state.withLock { $0.model } }
}
