// SPDX-License-Identifier: Apache-2.0

public import Logging
import Synchronization

#if ServiceLifecycle
public import ServiceLifecycle
#endif

/// A client of one ZooKeeper ensemble, for as long as a service lives.
///
/// ``run()`` keeps a session open, and opens a new one after a loss; operations (see ``ZooKeeperOperations``) go to
/// whatever session there is. What must stay within one session goes into ``withSession(isolation:_:)``.
///
/// ```swift
/// let client = try ZooKeeperClient("zk1:2181,zk2:2181,zk3:2181/billing")
/// let group = ServiceGroup(services: [client, worker], logger: logger)
/// try await group.run()
/// ```
///
/// Scripts and tests use ``withClient(_:logger:isolation:_:)``.
///
/// An operation before `run()` waits, like one before the first connection, and throws `notRunning` after the connect
/// time-out; after the end of `run()` it throws `closed` at once.
public final class ZooKeeperClient: ZooKeeperOperations {
    struct State {
        var life = ClientLife()
        /// The session in use, once it is connected.
        var session: ZooKeeperSession?
        /// The session being opened, in use, or being closed.
        var latest: ZooKeeperSession?
        /// The next session; `nil` when there will be none.
        var arrival = Promise<ZooKeeperSession?>()
        var credentials: [Credential]
        /// What the servers did when the last session came to nothing.
        var findings: [ServerFinding] = []
        /// The servers that count from the next connection on.
        var servers: [ServerAddress]
    }

    package let configuration: ZooKeeperConfiguration
    package let logger: Logger
    /// Take in what is measured; `nil` if nobody measures.
    package let instruments: Instruments?
    let makeTransport: @Sendable (ZooKeeperConfiguration, Logger) -> any SessionTransport
    let state: Mutex<State>
    let feed = LatestValue(SessionState.connecting)
    let stopped = Promise<Void>()
    let shutdown = Promise<Void>()

    /// - Parameters:
    ///   - configuration: The servers and time-outs. A connect string will do.
    ///   - logger: The log. The library writes at level info and below, a warning where a lock is kept longer
    ///     than wanted or a setting does not count, and an error where a `LeaderService` keeps everybody from leading.
    /// - Throws: ``ZooKeeperError`` with code `invalidConfiguration`.
    public convenience init(
        _ configuration: ZooKeeperConfiguration, logger: Logger = .current
    ) throws {
        try self.init(configuration, logger: logger) { configuration, logger in
            CTransport(
                servers: configuration.servers, order: configuration.serverOrder,
                credentials: configuration.credentials, logger: logger)
        }
    }

    /// - Parameter makeTransport: Makes the transport of each session.
    package init(
        _ configuration: ZooKeeperConfiguration, logger: Logger,
        makeTransport: @escaping @Sendable (ZooKeeperConfiguration, Logger) -> any SessionTransport
    ) throws(ZooKeeperError) {
        try configuration.validate()
        self.configuration = configuration.bounded
        self.logger = logger
        self.instruments = configuration.makeInstruments()
        self.makeTransport = makeTransport
        self.state = Mutex(State(credentials: configuration.credentials, servers: configuration.servers))
    }

    /// The session in use, if there is one now.
    package var currentSession: ZooKeeperSession? { state.withLock { $0.session } }

    /// Tells whether nothing new can be held any more.
    package var isClosing: Bool { state.withLock { $0.life.isClosing } }

    /// The state of the current session.
    public var sessionState: SessionState { feed.current }

    /// The states of the current session and of those that follow it, starting with the current one. Ends when the
    /// client is closed.
    public var states: SessionStates { SessionStates(feed) }
}

#if ServiceLifecycle
extension ZooKeeperClient: Service {}
#endif
