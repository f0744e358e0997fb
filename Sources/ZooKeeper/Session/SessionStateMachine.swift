// SPDX-License-Identifier: Apache-2.0

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
        /// Nothing has been heard of the servers for too long.
        case abandoned
        /// Time has passed.
        case tick
        /// The owner lets nothing new be held.
        case retire
        /// The owner closes the session: it ends as soon as nothing is held.
        case close
        /// A holder that was counted in by ``beginHold(at:isContinued:)`` does not need the session any more.
        case holdEnded(Int)
        /// Nothing is under way any more in a session that is being closed, or it has taken too long.
        case drained
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
        /// Nothing new can be held, and bodies are to end.
        case retiring
        /// Nothing is held any more, and the session ends when what is under way has been answered.
        case draining
        /// It is over, in this state.
        case ended(SessionState)
    }

    private enum Link: Hashable {
        case neverConnected
        case connected
        case disconnected
    }

    private let settings: Settings
    private var link = Link.neverConnected
    private var end: SessionState?
    /// The progress of its owner in closing it.
    package private(set) var closing = SessionClosing()
    private var isOverdue = false
    /// Tells whether leases have been told that nothing is proven of the session any more.
    package private(set) var areLeasesOverdue = false
    private var heardAt: Moment
    private var leaderHeardAt: Moment
    private var lastHeartbeat: Moment
    /// The id the servers gave, once connected.
    package private(set) var id: SessionID?
    /// As negotiated; as requested until then.
    package private(set) var timeout: Duration { didSet { lengths = Lengths(self) } }
    private var lengths = Lengths()

    /// Lengths of time that follow from the time-out, in nanoseconds: looked at with every answer.
    private struct Lengths: Hashable {
        var heartbeat: Int64 = 0
        var abandoning: Int64 = 0
        /// The time-out without the margin.
        var lease: Int64 = 0

        init() {}

        init(_ machine: SessionStateMachine) {
            heartbeat = machine.heartbeatInterval.nanoseconds
            abandoning = machine.abandonAfter.nanoseconds
            lease = (machine.timeout - machine.margin).nanoseconds
        }
    }

    /// Tells whether a lease depends on this session, so that heartbeats must go to the leader.
    package var hasLeases = false

    package init(_ settings: Settings, openedAt now: Moment) {
        self.settings = settings
        self.timeout = settings.requestedTimeout
        self.heardAt = now
        self.leaderHeardAt = now
        self.lastHeartbeat = now
        self.lengths = Lengths(self)
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
    package var leasesExpireBy: Moment { leaderHeardAt.advanced(by: lengths.lease) }

    private var expiresBy: Moment { heardAt.advanced(by: lengths.lease) }

    package var isUp: Bool { link == .connected && end == nil }

    package var state: SessionState {
        if let end { return end }
        guard let id, link != .neverConnected else { return .connecting }
        if isOverdue { return .overdue(id) }
        return isUp ? .connected(id) : .suspended(id, expiresBy: expiresBy.instant)
    }

    /// The moment at which `tick` is due next.
    package var nextTick: Moment? {
        guard end == nil, link != .neverConnected else { return nil }
        var next = heardAt.advanced(by: lengths.abandoning)
        if !isOverdue { next = min(next, expiresBy) }
        if hasLeases, !areLeasesOverdue { next = min(next, leasesExpireBy) }
        if isUp { next = min(next, heartbeatDue) }
        return next
    }

    private var heartbeatDue: Moment {
        max(hasLeases ? leaderHeardAt : heardAt, lastHeartbeat).advanced(by: lengths.heartbeat)
    }

    package mutating func handle(_ event: Event, at now: Moment) -> [Effect] {
        // A hold is counted out also when all is over.
        if case .holdEnded(let number) = event { return closing.endHold(number) ? [.draining] : [] }
        guard end == nil else { return [] }
        switch event {
        case .connected(let id, let timeout, let isReadOnly):
            return connected(id, timeout: timeout, isReadOnly: isReadOnly, at: now)
        case .disconnected:
            guard isUp else { return [] }
            link = .disconnected
            return [.connectionDown, .stateChanged]
        case .expired: return finish(.lost(.expired))
        case .authenticationFailed: return finish(.lost(.authenticationFailed))
        case .unreachable(let detail): return finish(.lost(.unreachable(detail)))
        case .abandoned: return finish(.lost(.abandoned))
        case .tick: return tick(at: now)
        case .retire: return closing.retire() ? [.retiring] : []
        case .close: return closing.close() ? [.draining] : []
        case .holdEnded: return []
        case .drained:
            guard closing.phase == .draining else { return [] }
            return finish(.closed)
        }
    }

    /// Counts in a holder that relies on the session; see ``SessionClosing/beginHold(at:isContinued:)``.
    package mutating func beginHold(at path: ZNodePath, isContinued: Bool = false) -> Int? {
        closing.beginHold(at: path, isContinued: isContinued)
    }

    /// Takes in that the transport is closed: nothing is left of the session.
    package mutating func transportClosed() { closing.finish() }

    private mutating func connected(
        _ id: SessionID, timeout: Duration, isReadOnly: Bool, at now: Moment
    ) -> [Effect] {
        // The C client checks nothing of the handshake. An HTTP server "accepts" a session with a time-out of six days.
        let makesSense =
            id.rawValue != 0 && !isReadOnly && timeout > .zero
            && timeout <= max(.seconds(600), settings.requestedTimeout * 10)
        if !makesSense {
            return finish(.lost(.protocolViolation("session \(id), time-out \(timeout)")))
        }
        if let known = self.id, known != id { return finish(.lost(.expired)) }
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
        sentAt: Moment, byLeader: Bool, at now: @autoclosure () -> Moment
    ) -> [Effect] {
        heardAt = max(heardAt, sentAt)
        if byLeader, sentAt > leaderHeardAt {
            leaderHeardAt = sentAt
            areLeasesOverdue = areLeasesOverdue && leasesExpireBy <= now()
        }
        guard end == nil, isOverdue, expiresBy > now() else { return [] }
        isOverdue = false
        return [.stateChanged]
    }

    private mutating func tick(at now: Moment) -> [Effect] {
        guard link != .neverConnected else { return [] }
        var effects: [Effect] = []
        if hasLeases, !areLeasesOverdue, now >= leasesExpireBy {
            areLeasesOverdue = true
            effects.append(.leasesOverdue)
        }
        if now >= heardAt.advanced(by: lengths.abandoning) { return effects + finish(.lost(.abandoned)) }
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

    private mutating func finish(_ state: SessionState) -> [Effect] {
        end = state
        closing.end()
        return [.connectionDown, .stateChanged, .ended(state)]
    }
}
