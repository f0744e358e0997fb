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
    struct Core {
        var machine: SessionStateMachine
        var queue: RequestQueue
        var watches: WatchTable
        /// The number of connections made so far; so two events of the same number saw no reconnect between them.
        var connection = 0
        var closing = SessionClosing()
        /// Tells whether a thread is handing over what may leave; that one takes along what comes.
        var isSending = false
        /// Since when requests cannot leave: there is no connection, or its server has not answered yet.
        var disconnectedAt: ContinuousClock.Instant?
        var tick: (at: ContinuousClock.Instant, deadline: Deadlines.Deadline)?
        var expiry: Deadlines.Deadline?
        /// The ends of reads that are being sent again.
        var repeatedReads: [ObjectIdentifier: Deadlines.Deadline] = [:]
        /// Tells whether a heartbeat that was throttled is to be repeated.
        var isRepeatingHeartbeat = false
        var isChrootMissing = false
        /// Tells whether a server has said whether the chroot exists.
        var isChrootKnown = false
        /// Tells whether the transport authenticates on every connection.
        var hasCredentials = false
        /// With it and the id, anybody can take the session over.
        var password: [UInt8] = []
        var leaseholders: [ObjectIdentifier: any Leaseholder] = [:]
        /// The number of contenders and leases that need heartbeats to the leader.
        var leaderHeartbeatUsers = 0
    }

    /// The number of this session among those of its client, counted from 1.
    public let generation: Int
    package let settings: SessionSettings
    let transport: any SessionTransport
    package let logger: Logger
    let core: Mutex<Core>
    let feed = LatestValue(SessionState.connecting)
    let notices = Notices<Notice>()
    let whenStateChanges: @Sendable (SessionState) -> Void
    /// Removes the nodes of locks that are let go.
    package let janitor = Janitor()
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
    package let leaseDeadline: Atomic<Int64>
    /// Tells whether it has been logged that no more paths can be watched.
    package let hasSaidWatchBudgetIsSpent = Atomic(false)

    /// - Parameter whenStateChanges: Hears every state, in order.
    package init(
        generation: Int, settings: SessionSettings, transport: any SessionTransport, logger: Logger,
        whenStateChanges: @escaping @Sendable (SessionState) -> Void = { _ in }
    ) {
        self.generation = generation
        self.settings = settings
        self.transport = transport
        self.logger = logger
        self.whenStateChanges = whenStateChanges
        let machine = SessionStateMachine(settings.machine, openedAt: .now)
        self.leaseDeadline = Atomic(machine.leasesExpireBy.nanosecondsSinceOrigin)
        self.core = Mutex(
            Core(
                machine: machine,
                queue: RequestQueue(limit: settings.maximumRequestsUnderWay),
                watches: WatchTable(budget: settings.watchBudget),
                hasCredentials: settings.hasCredentials))
    }

    /// Starts to connect.
    package func open() {
        transport.open(sessionTimeout: settings.machine.requestedTimeout, delegate: self)
    }

    /// The state of the session.
    public var state: SessionState { feed.current }

    /// Tells whether the session has ended or takes no more requests. One whose last bodies are ending does.
    package var isEnding: Bool { core.withLock { $0.closing.phase > .retiring } }

    /// The session's states, starting with the current one. Ends with the session.
    public var states: SessionStates { SessionStates(feed) }

    /// The id the servers gave; `nil` before the first connection.
    public var id: SessionID? { core.withLock { $0.machine.id } }

    /// The negotiated time-out.
    public var timeout: Duration { core.withLock { $0.machine.timeout } }

    /// The password with which a client can take the session over. For tests that end it so.
    package var password: [UInt8] { core.withLock { $0.password } }

    /// The settings that the negotiated time-out does not allow, in words; `nil` if there is none.
    package var clampedSettings: String? { core.withLock { $0.machine.clampedSettings } }

    /// Until when the session is known to live, by what the leader has answered so far. Moves on with every heartbeat.
    package var leasesExpireBy: ContinuousClock.Instant {
        .init(nanosecondsSinceOrigin: leaseDeadline.load(ordering: .relaxed))
    }

    /// Tells whether there is a connection right now.
    package var isUp: Bool { core.withLock { $0.machine.isUp } }

    /// The number of connections made so far.
    package var connection: Int { core.withLock { $0.connection } }
}

/// The settings of one session.
package struct SessionSettings: Sendable {
    package var machine: SessionStateMachine.Settings
    package var chroot: ZNodePath
    package var requestTimeout: Duration
    package var maximumRequestsUnderWay: Int
    package var maximumRequestLength: Int
    package var hasCredentials: Bool
    /// The C client sets all watches again in one packet, and the server reads packets up to a limit.
    package var watchBudget = 900_000
    /// The limit of the wait of `close` for requests under way.
    package var closeGrace: Duration
    /// The limit of the rest of `close` when nothing is held any more. The C client itself needs up to 4.5 s with a
    /// frozen server.
    package var transportCloseTimeout = Duration.seconds(6)
    /// The limit of the wait of `close` for bodies to end; `nil`: the negotiated time-out.
    package var closeTimeout: Duration?

    package init(
        machine: SessionStateMachine.Settings, chroot: ZNodePath, requestTimeout: Duration,
        maximumRequestsUnderWay: Int, maximumRequestLength: Int, hasCredentials: Bool, closeGrace: Duration,
        closeTimeout: Duration?
    ) {
        self.machine = machine
        self.chroot = chroot
        self.requestTimeout = requestTimeout
        self.maximumRequestsUnderWay = maximumRequestsUnderWay
        self.maximumRequestLength = maximumRequestLength
        self.hasCredentials = hasCredentials
        self.closeGrace = closeGrace
        self.closeTimeout = closeTimeout
    }
}

/// A lease that relies on a session to vouch for its lock.
package protocol Leaseholder: AnyObject, Sendable {
    /// The connection is lost; the session may live.
    func sessionSuspended()
    /// Nothing is proven of the session any more.
    func sessionOverdue()
    /// The session is over.
    func sessionEnded(_ state: SessionState)
}

extension ZooKeeperSession {
    /// The news that others are told, in order and outside the lock.
    enum Notice: Sendable {
        case state(SessionState)
        case connected
        case retiring
        case unheld
        case suspended([any Leaseholder])
        case overdue([any Leaseholder])
        case ended(SessionState, [any Leaseholder], [WatchRegistration])
    }
}

extension ContinuousClock.Instant {
    private static let origin = ContinuousClock.now

    package var nanosecondsSinceOrigin: Int64 {
        let (seconds, attoseconds) = Self.origin.duration(to: self).components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    package init(nanosecondsSinceOrigin nanoseconds: Int64) {
        self = Self.origin + .nanoseconds(nanoseconds)
    }
}
