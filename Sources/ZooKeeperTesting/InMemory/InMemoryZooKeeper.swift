package import Dispatch
public import Logging
import Synchronization
public import ZooKeeper

/// A ZooKeeper in this process's memory, for unit tests that want neither Java nor a network.
///
/// ```swift
/// let zooKeeper = InMemoryZooKeeper()
/// try await zooKeeper.withClient { client in
///     try await client.create("/hello")
/// }
/// ```
///
/// Clients are real ones: sessions, watches, transactions, access control, and everything that is built on them, such
/// as locks, work as with a standalone server of version 3.8, with which its answers are compared. Any number of
/// clients may use it; each value has nodes of its own, gone with the value.
///
/// What it is not:
/// * no network: nothing is late, nothing is lost but by ``cut()``, ``whileRefusing(isolation:_:)`` and
///   ``loseNextReply(to:)``, and no C client is involved;
/// * no ensemble, no leader, no election: nobody ever reads stale data;
/// * no persistence;
/// * empty containers, and nodes whose time to live is over, stay until ``removeEmptyContainers()`` and
///   ``endTimeToLive(of:)``;
/// * authentication schemes are `digest` and `ip`; there are no quotas and no super user.
///
/// A session ends when it is closed, by ``expire(_:)``, or when it has had no connection for as long as its time-out.
public final class InMemoryZooKeeper: Sendable {
    let state: Mutex<State>

    /// One without nodes but those of every new server.
    public init() { state = Mutex(State()) }

    /// A configuration for its clients: nothing of it is needed, all of it can be changed. The session time-out is 4 s,
    /// as that of ``ZooKeeperServer/configuration``; the servers are not looked at.
    public var configuration: ZooKeeperConfiguration {
        var configuration: ZooKeeperConfiguration = "in-memory:2181"
        configuration.sessionTimeout = .seconds(4)
        return configuration
    }

    /// Runs `body` with a client, and closes it.
    ///
    /// - Parameters:
    ///   - configuration: How patient the client is, its chroot and its credentials; `nil`: ``configuration``.
    ///   - logger: Where to log.
    ///   - body: Uses the client. Runs in the caller's isolation.
    /// - Throws: What `body` throws, or ``ZooKeeperError`` with code `invalidConfiguration`.
    @discardableResult
    public func withClient<Success>(
        _ configuration: ZooKeeperConfiguration? = nil,
        logger: Logger = .current,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (ZooKeeperClient) async throws -> Success
    ) async throws -> Success {
        try await makeClient(configuration, logger: logger).run(during: body)
    }

    /// A client that is to be run, for example by a `ServiceGroup`.
    ///
    /// - Parameters:
    ///   - configuration: How patient the client is, its chroot and its credentials; `nil`: ``configuration``.
    ///   - logger: Where to log.
    /// - Throws: ``ZooKeeperError`` with code `invalidConfiguration`.
    public func makeClient(
        _ configuration: ZooKeeperConfiguration? = nil, logger: Logger = .current
    ) throws -> ZooKeeperClient {
        try ZooKeeperClient(configuration ?? self.configuration, logger: logger) { configuration, _ in
            self.makeTransport(credentials: configuration.credentials)
        }
    }

    /// Makes the transport of one session.
    ///
    /// - Parameter queue: Where it tells what it hears.
    package func makeTransport(
        credentials: [Credential] = [], on queue: DispatchQueue = DispatchQueue(label: "zookeeper.in-memory")
    ) -> any SessionTransport {
        InMemoryTransport(self, credentials: credentials, on: queue)
    }

    // MARK: Trouble

    /// Ends a session on the server: its ephemeral nodes go, and its client learns that it has expired. Does nothing if
    /// it is over already.
    ///
    /// - Throws: ``TestKitError`` if the session was never connected.
    public func expire(_ session: ZooKeeperSession) throws {
        guard let id = session.id else { throw TestKitError("the session was never connected") }
        state.withLock { $0.apply(.expire(id), self) }
    }

    /// Cuts all connections. Answers that are on their way are lost; clients connect again at once.
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

    /// Cuts the connection of one session and accepts none of it while `body` runs. Does nothing to a session that
    /// never was connected.
    public func whileRefusing<Success>(
        _ session: ZooKeeperSession, isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> Success
    ) async rethrows -> Success {
        guard let id = session.id else { return try await body() }
        state.withLock { $0.beginRefusal(of: id, self) }
        defer { state.withLock { $0.endRefusal(of: id, self) } }
        return try await body()
    }

    /// Cuts the connection in place of the next answer to a request of this type: the request has been executed, and
    /// the client does not know.
    public func loseNextReply(to operation: OperationCode) {
        state.withLock { $0.doomed = operation }
    }

    // MARK: What a server does by itself after some time

    /// Removes the containers that had children and have none any more.
    public func removeEmptyContainers() {
        state.withLock { state in
            for path in state.model.reapable where state.model.tree.nodes[path]?.lifetime == .container {
                state.apply(.reap(path), self)
            }
        }
    }

    /// Lets the time to live of a node be over: it is removed if it was created with one and has no children.
    ///
    /// - Parameter path: Without any client's chroot.
    public func endTimeToLive(of path: ZNodePath) {
        state.withLock { state in
            if case .timeToLive = state.model.tree.nodes[path.string]?.lifetime {
                state.apply(.reap(path.string), self)
            }
        }
    }

    // MARK: Looking at it

    /// The number of watches that are set, as a server counts them.
    public var watchCount: Int { state.withLock { $0.model.watches.count } }

    /// The number of sessions that live.
    public var sessionCount: Int { state.withLock { $0.model.sessions.count } }

    /// The server as it is now.
    package var model: ZooKeeperModel { state.withLock { $0.model } }
}
