/// The knowledge that a session has of itself: a value that takes in events and moments and says what follows.
///
/// Two clocks run from the *sending* of requests that have been answered, because that is what the servers count from:
/// * any answer shows that the session lives;
/// * only an answer that took the leader (a write or a `sync`) counts for leases. A server that is cut off from its
///   leader still answers reads.
package struct SessionStateMachine: Sendable, Hashable {
    package struct Settings: Sendable, Hashable {
        package var requestedTimeout: Duration
        /// The distance from the end of its time-out at which a session is no longer relied on; `nil`: the default.
        package var margin: Duration?
        /// The silence after which it gives up; `nil`: twice the time-out.
        package var abandonAfter: Duration?

        package init(requestedTimeout: Duration, margin: Duration? = nil, abandonAfter: Duration? = nil) {
            self.requestedTimeout = requestedTimeout
            self.margin = margin
            self.abandonAfter = abandonAfter
        }
    }

    package enum Event: Sendable, Hashable {
        case connected(SessionID, timeout: Duration, isReadOnly: Bool)
        case disconnected
        case expired
        case authenticationFailed
        case unreachable(String)
        /// Time has passed.
        case tick
        /// The owner closes the session.
        case closed
    }

    package enum Effect: Sendable, Hashable {
        /// `state` is new.
        case stateChanged
        /// Requests may leave.
        case connectionUp
        /// Requests must wait.
        case connectionDown
        /// A heartbeat is due.
        case heartbeat(toLeader: Bool)
        /// Nothing is proven of the session any more: leases are over.
        case leasesOverdue
        /// It is over.
        case ended(LossReason)
    }

    private enum Link: Hashable {
        case neverConnected
        case connected
        case disconnected
    }

    private let settings: Settings
    private var link = Link.neverConnected
    private var end: SessionState?
    private var isOverdue = false
    private var areLeasesOverdue = false
    private var heardAt: ContinuousClock.Instant
    private var leaderHeardAt: ContinuousClock.Instant
    private var lastHeartbeat: ContinuousClock.Instant
    /// The id the servers gave, once connected.
    package private(set) var id: SessionID?
    /// As negotiated; as requested until then.
    package private(set) var timeout: Duration
    /// Tells whether a lease depends on this session, so that heartbeats must go to the leader.
    package var hasLeases = false

    package init(_ settings: Settings, openedAt now: ContinuousClock.Instant) {
        self.settings = settings
        self.timeout = settings.requestedTimeout
        self.heardAt = now
        self.leaderHeardAt = now
        self.lastHeartbeat = now
    }

    /// The interval of heartbeats.
    package var heartbeatInterval: Duration { timeout / 6 }

    /// The margin. Default: a heartbeat's interval plus half a tick of two seconds, and at least one tick: the leader
    /// hears of a follower's sessions once in half a tick. Whatever is set, never more than half the negotiated
    /// time-out: with less left than that no lease would last until its next heartbeat is answered.
    package var margin: Duration {
        min(settings.margin ?? max(heartbeatInterval + .seconds(1), .seconds(2)), timeout / 2)
    }

    /// Whatever is set, never less than the negotiated time-out: until then the session may well live.
    package var abandonAfter: Duration { max(settings.abandonAfter ?? timeout * 2, timeout) }

    /// The settings that the negotiated time-out does not allow, in words; `nil` if there is none.
    package var clampedSettings: String? {
        var words: [String] = []
        if let wanted = settings.margin, wanted > margin {
            words.append("leaseMargin is \(margin) and not \(wanted), half the time-out of \(timeout)")
        }
        if let wanted = settings.abandonAfter, wanted < abandonAfter {
            words.append("abandonAfter is \(abandonAfter) and not \(wanted), the time-out")
        }
        return words.isEmpty ? nil : words.joined(separator: "; ")
    }

    /// Until when the session is known to live, by what the leader has answered. Leases end then.
    package var leasesExpireBy: ContinuousClock.Instant { leaderHeardAt + timeout - margin }

    private var expiresBy: ContinuousClock.Instant { heardAt + timeout - margin }

    package var isUp: Bool { link == .connected && end == nil }

    package var state: SessionState {
        if let end { return end }
        guard let id, link != .neverConnected else { return .connecting }
        if isOverdue { return .overdue(id) }
        return isUp ? .connected(id) : .suspended(id, expiresBy: expiresBy)
    }

    /// The moment at which `tick` is due next.
    package var nextTick: ContinuousClock.Instant? {
        guard end == nil, link != .neverConnected else { return nil }
        var next = heardAt + abandonAfter
        if !isOverdue { next = min(next, expiresBy) }
        if hasLeases, !areLeasesOverdue { next = min(next, leasesExpireBy) }
        if isUp { next = min(next, heartbeatDue) }
        return next
    }

    private var heartbeatDue: ContinuousClock.Instant {
        max(hasLeases ? leaderHeardAt : heardAt, lastHeartbeat) + heartbeatInterval
    }

    package mutating func handle(_ event: Event, at now: ContinuousClock.Instant) -> [Effect] {
        guard end == nil else { return [] }
        switch event {
        case .connected(let id, let timeout, let isReadOnly):
            return connected(id, timeout: timeout, isReadOnly: isReadOnly, at: now)
        case .disconnected:
            guard isUp else { return [] }
            link = .disconnected
            return [.connectionDown, .stateChanged]
        case .expired: return finish(.expired)
        case .authenticationFailed: return finish(.authenticationFailed)
        case .unreachable(let detail): return finish(.unreachable(detail))
        case .tick: return tick(at: now)
        case .closed:
            end = .closed
            return [.connectionDown, .stateChanged]
        }
    }

    private mutating func connected(
        _ id: SessionID, timeout: Duration, isReadOnly: Bool, at now: ContinuousClock.Instant
    ) -> [Effect] {
        // The C client checks nothing of the handshake. An HTTP server "accepts" a session with a time-out of six days.
        let makesSense =
            id.rawValue != 0 && !isReadOnly && timeout > .zero
            && timeout <= max(.seconds(600), settings.requestedTimeout * 10)
        if !makesSense, !PlantedBug.handshakeUnchecked.isPlanted {
            return finish(.protocolViolation("session \(id), time-out \(timeout)"))
        }
        if let known = self.id, known != id { return finish(.expired) }
        // Up without having been down: the C client closed the connection itself and did not say so.
        let wasUp = isUp
        self.id = id
        self.timeout = timeout
        link = .connected
        heardAt = max(heardAt, now)
        isOverdue = false
        lastHeartbeat = now
        return (wasUp ? [.connectionDown] : []) + [.stateChanged, .connectionUp, .heartbeat(toLeader: hasLeases)]
    }

    /// A request sent at `sentAt` has been answered. (Not one of the events, because it happens with every request and
    /// nothing follows from most.)
    ///
    /// - Parameter now: Looked at only if something was overdue.
    package mutating func answered(
        sentAt: ContinuousClock.Instant, byLeader: Bool, at now: @autoclosure () -> ContinuousClock.Instant
    ) -> [Effect] {
        heardAt = max(heardAt, sentAt)
        if byLeader || PlantedBug.anyAnswerCountsForLeases.isPlanted, sentAt > leaderHeardAt {
            leaderHeardAt = PlantedBug.deadlineFromTheAnswer.isPlanted ? now() : sentAt
            areLeasesOverdue = areLeasesOverdue && leasesExpireBy <= now()
        }
        guard end == nil, isOverdue, expiresBy > now() else { return [] }
        isOverdue = false
        return [.stateChanged]
    }

    private mutating func tick(at now: ContinuousClock.Instant) -> [Effect] {
        guard link != .neverConnected else { return [] }
        var effects: [Effect] = []
        if hasLeases, !areLeasesOverdue, now >= leasesExpireBy {
            areLeasesOverdue = true
            effects.append(.leasesOverdue)
        }
        if now >= heardAt + abandonAfter, !PlantedBug.neverAbandoned.isPlanted { return effects + finish(.abandoned) }
        if !isOverdue, now >= expiresBy {
            isOverdue = true
            effects.append(.stateChanged)
        }
        if isUp, now >= heartbeatDue {
            lastHeartbeat = now
            effects.append(.heartbeat(toLeader: hasLeases))
        }
        return effects
    }

    private mutating func finish(_ reason: LossReason) -> [Effect] {
        end = .lost(reason)
        return [.connectionDown, .stateChanged, .ended(reason)]
    }
}
