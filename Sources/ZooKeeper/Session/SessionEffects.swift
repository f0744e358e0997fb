// SPDX-License-Identifier: Apache-2.0

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
        /// What a session that moves has asked, and a server was too busy for, is asked again.
        case catchUp
        /// There has been no connection for so long that an operator should hear of it.
        case diagnosis
        /// The names of the servers are asked for again, or a new handle is due.
        case addresses
        /// A read that has been sent again has waited long enough.
        case read(ObjectIdentifier)
    }

    /// The news that others are told, in order and outside the lock.
    package enum Notice: Sendable {
        case state(SessionState)
        case connected
        /// There has been no connection for a while; what the servers do.
        case diagnosed([ServerFinding])
        /// So many connections have been lost one after the other.
        case connectionStorm(Int)
        /// Some of the servers' names cannot be resolved.
        case namesNotResolved([String])
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
    /// Tells whether the names of the servers are to be asked for.
    package var resolves = false
    /// The addresses to look at.
    package var diagnoses: [String]?
    /// The handle to make.
    package var newHandle: SessionCore.NewHandle?
    /// The requests to hand over.
    package var batch: SessionCore.Batch?
    /// Requests whose watches are set now.
    package var registered = ShortList<PendingRequest>()
    /// Watches that have fired.
    package var fired: [(watch: WatchRegistration, event: WatchEvent)] = []
    /// So many watches more are set than before; fewer, if it is negative. Stays 0 if nobody measures.
    package var watchesSet = 0
    /// Requests that are finished, whose callers are resumed last.
    package var finished = ShortList<(pending: PendingRequest, answer: PendingRequest.Answer)>()

    package init() {}

    /// Forgets what has been carried out before a batch is handed over, and keeps what is to be done behind it.
    mutating func beginNext() {
        timers = []
        notices = []
        closesTransport = false
        resolves = false
        diagnoses = nil
        newHandle = nil
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
