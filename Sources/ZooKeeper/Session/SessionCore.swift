// SPDX-License-Identifier: Apache-2.0

/// The state of a session, and what follows from everything that happens to it: a value that knows no transport, no
/// clock and no task.
///
/// Its functions change it and collect the consequences in ``SessionEffects``. Requests pass through it as objects, for
/// their callers wait for them; it finishes none.
package struct SessionCore: Sendable {
    package let settings: SessionSettings
    let generation: Int
    /// Gets the answers to the requests that the session makes for itself.
    weak var delegate: (any PendingRequestDelegate)?

    package internal(set) var machine: SessionStateMachine
    package internal(set) var queue: RequestQueue
    package internal(set) var watches: WatchTable
    /// The addresses of the servers, and when to look for others.
    var addresses = AddressBook()
    /// The moment for which the timer `addresses` is set.
    var addressTimerAt: Moment?
    /// The names that cannot be resolved, with the reasons, that have been reported.
    var reportedFaults: [String] = []
    package internal(set) var catchUp = CatchUp.done
    /// The watches that are being set again, by the requests that do it.
    var renewalKeys: [ObjectIdentifier: WatchTable.Key] = [:]
    /// The look at the server's watches that is under way.
    package internal(set) var watchCheck: WatchCheck?
    /// What catching up has asked, and a server was too busy for: asked again when the timer `catchUp` fires.
    var toRepeat: [PendingRequest] = []
    /// What the servers did when they were looked at last; empty while there is a connection.
    package internal(set) var findings: [ServerFinding] = []
    /// Tells whether the timer `diagnosis` is set: from time to time while there is no connection.
    var isDiagnosing = false
    /// Tells whether the log says already what the servers do.
    var hasToldFindings = false
    var storm = ConnectionStorm()
    /// The number of connections made so far; so two events of the same number saw no reconnect between them.
    package internal(set) var connection = 0
    /// Tells whether a thread is handing over what may leave; that one takes along what comes.
    package internal(set) var isSending = false
    /// The moment since which requests cannot leave: there is no connection, or its server has not answered yet.
    var disconnectedAt: Moment?
    /// The moment for which the timer `tick` is set.
    var tickAt: Moment?
    /// Tells whether the timer `expiry` is set.
    var isExpiring = false
    /// Reads that are being sent again, each with a timer of its own.
    var repeatedReads: [ObjectIdentifier: PendingRequest] = [:]
    /// Tells whether a heartbeat that was throttled is to be repeated.
    var isRepeatingHeartbeat = false
    /// Tells whether an answer of this connection's server is waited for before requests leave.
    var isProbing = false
    var isChrootMissing = false
    /// Tells whether a server has said whether the chroot exists.
    var isChrootKnown = false
    /// Tells whether the transport authenticates on every connection.
    var hasCredentials: Bool
    /// With it and the id, anybody can take the session over.
    package var password: [UInt8] = []
    var leaseholders: [ObjectIdentifier: any Leaseholder] = [:]
    /// The number of contenders and leases that need heartbeats to the leader.
    var leaderHeartbeatUsers = 0

    package init(
        _ settings: SessionSettings, generation: Int = 1, openedAt now: Moment,
        delegate: (any PendingRequestDelegate)? = nil
    ) {
        self.settings = settings
        self.generation = generation
        self.delegate = delegate
        machine = SessionStateMachine(settings.machine, openedAt: now)
        queue = RequestQueue(limit: settings.maximumRequestsUnderWay)
        watches = WatchTable(budget: settings.watchBudget)
        hasCredentials = settings.hasCredentials
    }

    // MARK: Leases

    /// Counts in a contender or lease: heartbeats go to the leader from now on.
    package mutating func retainLeaderHeartbeats(_ effects: inout SessionEffects) {
        leaderHeartbeatUsers += 1
        guard !machine.hasLeases else { return }
        machine.hasLeases = true
        setTick(&effects)
    }

    package mutating func releaseLeaderHeartbeats() {
        leaderHeartbeatUsers -= 1
        machine.hasLeases = leaderHeartbeatUsers > 0
    }

    /// Tells `leaseholder` from now on what becomes of the session.
    ///
    /// - Returns: The final state of the session, if it has ended or takes no more requests.
    package mutating func attach(_ leaseholder: any Leaseholder) -> SessionState? {
        if machine.closing.phase > .retiring { return machine.state.isFinal ? machine.state : .closed }
        leaseholders[ObjectIdentifier(leaseholder)] = leaseholder
        return nil
    }

    package mutating func detach(_ leaseholder: any Leaseholder) { leaseholders[ObjectIdentifier(leaseholder)] = nil }

    // MARK: Errors

    /// The error of a request to a session that is over, in `state`.
    package static func endError(_ state: SessionState, execution: ZooKeeperError.Execution) -> ZooKeeperError {
        guard case .lost(let reason) = state else { return ZooKeeperError(.closed, execution: execution) }
        return ZooKeeperError(reason.code, execution: execution, message: "the session is lost: \(reason)")
    }

    var chrootError: ZooKeeperError {
        ZooKeeperError(
            .chrootNotFound, message: "the chroot \(settings.chroot) does not exist; create it with another client")
    }

    /// The failure of a request, with what is known of the request.
    func failure(
        _ error: ZooKeeperError, of pending: PendingRequest, failedOperation: Int? = nil
    ) -> PendingRequest.Answer {
        .failure(
            error.located { context in
                context.operation = context.operation ?? pending.request.action.name
                context.path = context.path ?? pending.path?.string
                context.failedOperation = context.failedOperation ?? failedOperation
                context.generation = generation
            })
    }
}
