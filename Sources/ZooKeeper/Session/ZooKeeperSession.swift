// SPDX-License-Identifier: Apache-2.0

package import Logging
package import Synchronization

/// Exactly one ZooKeeper session. It ends and never comes back.
///
/// What is bound to a session, such as ephemeral nodes, watches and locks, belongs to a value of this type. Get one
/// from ``ZooKeeperClient/withSession(isolation:_:)``. For operations that may go to whatever session there is, use the
/// client.
///
/// All operations are those of ``ZooKeeperOperations``. Requests of one session are executed by the server in the order
/// in which they were issued.
public final class ZooKeeperSession: ZooKeeperOperations {
    struct State {
        var core: SessionCore
        /// The timers that are set.
        var timers: [SessionEffects.Timer: Deadlines.Deadline] = [:]
        /// The number of watches that has been told to those who measure.
        var measuredWatches = 0
    }

    /// The number of this session among those of its client, counted from 1.
    public let generation: Int
    package let settings: SessionSettings
    let transport: any SessionTransport
    package let logger: Logger
    /// Take in what is measured; `nil` if nobody measures.
    package let instruments: Instruments?
    /// Changed by ``change(_:)`` only.
    let locked: Mutex<State>
    let feed = LatestValue(SessionState.connecting)
    let notices = Notices<SessionEffects.Notice>()
    let whenStateChanges: @Sendable (SessionState) -> Void
    /// Removes the nodes of locks that are let go.
    package let janitor = Janitor()
    /// Makes the GUIDs of its contenders.
    package let guids = GUIDSource()
    /// Fulfilled when the session is over, for whatever reason.
    package let ended = Promise<SessionState>()
    /// Fulfilled with `true` when the first connection is made, with `false` when the session is over before.
    package let connected = Promise<Bool>()
    /// Fulfilled when the owner has begun to close the session: nothing new can be held, bodies are to end.
    package let retiring = Promise<Void>()
    /// Fulfilled when the owner has closed the session and nothing is held in it any more.
    let unheld = Promise<Void>()
    /// Fulfilled when nothing of the session is left: transport closed, every call finished, every pending request let
    /// go.
    package let released = Promise<Void>()
    /// In nanoseconds, as ``Moment``. Apart from the rest, so that leases read it without the lock.
    package let leaseDeadline: Atomic<Int64>
    /// Tells whether it has been logged that no more paths can be watched.
    package let hasSaidWatchBudgetIsSpent = Atomic(false)

    /// - Parameters:
    ///   - instruments: Take in what is measured.
    ///   - whenStateChanges: Hears every state, in order.
    package init(
        generation: Int, settings: SessionSettings, transport: any SessionTransport, logger: Logger,
        instruments: Instruments? = nil,
        whenStateChanges: @escaping @Sendable (SessionState) -> Void = { _ in }
    ) {
        self.generation = generation
        self.settings = settings
        self.transport = transport
        self.logger = logger
        self.instruments = instruments
        self.whenStateChanges = whenStateChanges
        let core = SessionCore(settings, generation: generation, openedAt: .now)
        self.leaseDeadline = Atomic(core.machine.leasesExpireBy.nanoseconds)
        self.locked = Mutex(State(core: core))
        locked.withLock { $0.core.delegate = self }
    }

    /// Starts to connect.
    package func open() {
        transport.open(sessionTimeout: settings.machine.requestedTimeout, delegate: self)
        change { core, effects in core.open(at: .now, &effects) }
    }

    /// The state of the session.
    public var state: SessionState { feed.current }

    /// Tells whether the session has ended or takes no more requests. One whose last bodies are ending does.
    package var isEnding: Bool { read { $0.machine.closing.phase > .retiring } }

    /// The session's states, starting with the current one. Ends with the session.
    public var states: SessionStates { SessionStates(feed) }

    /// The id the servers gave; `nil` before the first connection.
    public var id: SessionID? { read { $0.machine.id } }

    /// The id for a log line.
    package var idText: String { id?.description ?? "" }

    /// What the servers did when they were looked at last; empty while there is a connection.
    package var findings: [ServerFinding] { read { $0.findings } }

    /// The server that this session is connected to, by its numeric address; `nil` while it is not connected.
    public var server: ServerAddress? { isUp ? transport.server : nil }

    /// The negotiated time-out.
    public var timeout: Duration { read { $0.machine.timeout } }

    /// The interval of heartbeats. Every hold asks for it, and to divide a `Duration` takes 128 bits.
    package var heartbeatInterval: Duration { .nanoseconds(read { $0.machine.timeout.nanoseconds } / 6) }

    /// The distance of ``leasesExpireBy`` from the moment at which the servers may end the session.
    package var leaseMargin: Duration { read { $0.machine.margin } }

    /// The password with which a client can take the session over. For tests that end it so.
    package var password: [UInt8] { read { $0.password } }

    /// The settings that the negotiated time-out does not allow, in words; `nil` if there is none.
    package var clampedSettings: String? { read { $0.machine.clampedSettings } }

    /// Until when the session is known to live, by what the leader has answered so far. Moves on with every heartbeat.
    package var leasesExpireBy: Moment { Moment(nanoseconds: leaseDeadline.load(ordering: .relaxed)) }

    /// Tells whether there is a connection right now.
    package var isUp: Bool { read { $0.machine.isUp } }

    /// Tells whether watches that are not indispensable should not be set.
    package var isWatchBudgetShort: Bool { read { $0.watches.isShort } }

    /// The number of connections made so far.
    package var connection: Int { read { $0.connection } }
}
