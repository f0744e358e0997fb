/// The consequences of a change of a session, collected by ``SessionCore`` and carried out by
/// ``ZooKeeperSession/change(_:)``: in the order of the properties here, whatever has changed.
package struct SessionEffects: Sendable {
    /// An alarm clock of the session, of which there is one of each kind.
    package enum Timer: Sendable, Hashable {
        /// The state machine's next moment.
        case tick
        /// The end of the wait for a connection.
        case expiry
        /// The end of the time that requests under way have when the session is closed.
        case drain
        /// A heartbeat that a server was too busy for is repeated.
        case heartbeat
        /// A read that has been sent again has waited long enough.
        case read(ObjectIdentifier)
    }

    /// The news that others are told, in order and outside the lock.
    package enum Notice: Sendable {
        case state(SessionState)
        case connected
        case retiring
        case unheld
        case suspended([any Leaseholder])
        case overdue([any Leaseholder])
        case ended(SessionState, [any Leaseholder], [WatchRegistration])
    }

    /// Timers that are set anew; those without a moment are cancelled. Done under the lock.
    package var timers: [(timer: Timer, moment: Moment?)] = []
    /// Losses before anything else: a holder that must be told that its lock is lost does not wait until requests are
    /// handed over. Put in order under the lock, and told outside of it.
    package var notices: [Notice] = []
    /// Tells whether nothing goes to the transport any more, which is to be closed.
    package var closesTransport = false
    /// The requests to hand over.
    package var batch: SessionCore.Batch?
    /// Requests whose watches are set now.
    package var registered = ShortList<PendingRequest>()
    /// Watches that have fired.
    package var fired: [(watch: WatchRegistration, event: WatchEvent)] = []
    /// Requests that are finished, whose callers are resumed last.
    package var finished = ShortList<(pending: PendingRequest, answer: PendingRequest.Answer)>()

    package init() {}

    /// Forgets what has been carried out before a batch is handed over, and keeps what is to be done behind it.
    mutating func beginNext() {
        timers = []
        notices = []
        closesTransport = false
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
