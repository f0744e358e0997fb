// SPDX-License-Identifier: Apache-2.0

// What the transport and the clock tell a session, and how it ends.

extension SessionCore {
    package mutating func handle(
        _ event: SessionStateMachine.Event, at now: Moment, _ effects: inout SessionEffects
    ) {
        apply(machine.handle(event, at: now), at: now, &effects)
        setTick(&effects)
    }

    mutating func apply(
        _ changes: [SessionStateMachine.Effect], at now: Moment, _ effects: inout SessionEffects
    ) {
        for change in changes {
            switch change {
            case .stateChanged: effects.notices.append(.state(machine.state))
            case .connectionUp: connectionUp(at: now, &effects)
            case .connectionDown: connectionDown(at: now, &effects)
            case .heartbeat(let toLeader): appendHeartbeat(toLeader: toLeader, at: now)
            case .leasesOverdue: effects.notices.append(.overdue(Array(leaseholders.values)))
            case .retiring: effects.notices.append(.retiring)
            case .draining: drain(at: now, &effects)
            case .ended(let state): end(state, &effects)
            }
        }
    }

    private mutating func connectionUp(at now: Moment, _ effects: inout SessionEffects) {
        connection += 1
        watches.connection = connection
        findings = []
        if isDiagnosing { effects.timers.append((.diagnosis, nil)) }
        isDiagnosing = false
        addresses.connected()
        setAddressTimer(&effects)
        queue.isOpen = true
        // Nobody's request goes out before it is known that there is a chroot for it, and that the servers have
        // accepted the credentials, which the C client shows on every connection.
        isProbing = hasCredentials || (!isChrootKnown && !settings.chroot.isRoot)
        beginCatchUp(at: now)
        queue.isHeld = isProbing || catchUp != .done
        beginWatchCheck(at: now)
        if queue.isHeld {
            // For callers that wait this is no connection yet: a server may accept it, and then be silent.
            if disconnectedAt == nil { disconnectedAt = now }
            if !isExpiring { setExpiry(&effects) }
        } else {
            canSend(&effects)
        }
    }

    /// Requests can leave from now on.
    private mutating func canSend(_ effects: inout SessionEffects) {
        disconnectedAt = nil
        if isExpiring { effects.timers.append((.expiry, nil)) }
        isExpiring = false
        // Only the first time counts.
        effects.notices.append(.connected)
    }

    private mutating func connectionDown(at now: Moment, _ effects: inout SessionEffects) {
        queue.isOpen = false
        endWatchCheck()
        // Unless its server has not answered: then there has been none to those who wait.
        if disconnectedAt == nil { disconnectedAt = now }
        setExpiry(&effects)
        if !machine.state.isFinal {
            perform(addresses.disconnected(at: now), at: now, &effects)
            expectDiagnosis(at: now, &effects)
            if let count = storm.lost(at: now) { effects.notices.append(.connectionStorm(count)) }
        }
        if !machine.state.isFinal { effects.notices.append(.suspended(Array(leaseholders.values))) }
    }

    // MARK: Heartbeats

    /// A read answers from whatever server we are connected to, which is enough to know that the session lives. For
    /// leases a `sync` is sent: it goes to the leader, without costing a quorum write.
    mutating func appendHeartbeat(toLeader: Bool, at now: Moment) {
        let isProbe = isProbing || !toLeader
        let request = Request(.root, isProbe ? .exists : .sync)
        queue.prepend(.single(ownRequest(request, isProbe ? .probe : .heartbeat, at: now)), .urgent)
    }

    /// The answer to a heartbeat has come, or the failure with which its connection was lost.
    mutating func heartbeatAnswered(
        _ pending: PendingRequest, _ code: ResultCode, at now: @autoclosure () -> Moment,
        _ effects: inout SessionEffects
    ) {
        if code == .throttled {
            // Proves nothing, and a lease may count on it. One at a time: that server has enough to do.
            guard !isRepeatingHeartbeat else { return }
            isRepeatingHeartbeat = true
            effects.timers.append((.heartbeat, now() + repetitionDelay))
        } else if pending.purpose == .probe, code == .noNode, catchUp == .syncing {
            // By a server that may lag behind: asked again behind the sync.
            return
        } else if pending.purpose == .probe, code == .ok || code.error.execution == .refused {
            probed(isMissing: code == .noNode, &effects)
        }
    }

    /// How long a server that was too busy for a request of the session itself is left alone.
    var repetitionDelay: Duration { min(max(machine.heartbeatInterval / 4, .milliseconds(50)), .seconds(1)) }

    /// The chroot has been looked at.
    private mutating func probed(isMissing: Bool, _ effects: inout SessionEffects) {
        isChrootKnown = true
        isChrootMissing = isMissing
        if isMissing {
            for pending in queue.drainWaiting(includingUrgent: false) {
                watches.finish(pending, .closing)
                effects.finished.append((pending, failure(chrootError, of: pending)))
            }
        }
        isProbing = false
        releaseIfReady(&effects)
    }

    /// Lets requests leave, if nothing holds them back any more.
    mutating func releaseIfReady(_ effects: inout SessionEffects) {
        guard queue.isHeld, !isProbing, catchUp == .done else { return }
        queue.isHeld = false
        canSend(&effects)
    }

    // MARK: Time

    /// A timer has fired.
    package mutating func timerFired(_ timer: SessionEffects.Timer, at now: Moment, _ effects: inout SessionEffects) {
        switch timer {
        case .tick:
            tickAt = nil
            handle(.tick, at: now, &effects)
        case .expiry:
            isExpiring = false
            expireWaiting(at: now, &effects)
        case .drain: handle(.drained, at: now, &effects)
        case .diagnosis: diagnose(at: now, &effects)
        case .addresses:
            addressTimerAt = nil
            perform(addresses.tick(at: now, timeout: machine.timeout), at: now, &effects)
        case .heartbeat:
            isRepeatingHeartbeat = false
            guard machine.isUp, machine.closing.phase <= .draining else { return }
            appendHeartbeat(toLeader: machine.hasLeases, at: now)
        case .catchUp: repeatCatchUp(at: now)
        case .read(let key):
            guard let pending = repeatedReads.removeValue(forKey: key) else { return }
            effects.timers.append((timer, nil))
            let error = ZooKeeperError(
                .connectionLoss, execution: .unknown, message: "no answer for \(settings.requestTimeout)")
            effects.finished.append((pending, failure(error, of: pending)))
        }
    }

    /// Sets the timer for the machine's next moment. One that is set for an earlier moment is left alone: it looks again
    /// when it fires.
    mutating func setTick(_ effects: inout SessionEffects) {
        guard let next = machine.nextTick else {
            if tickAt != nil { effects.timers.append((.tick, nil)) }
            tickAt = nil
            return
        }
        if let tickAt, tickAt <= next { return }
        tickAt = next
        effects.timers.append((.tick, next))
    }

    /// While there is no connection, nothing waits longer than the request time-out.
    mutating func setExpiry(_ effects: inout SessionEffects) {
        guard let oldest = queue.oldestSubmission, !machine.state.isFinal else { return }
        isExpiring = true
        effects.timers.append((.expiry, max(oldest, disconnectedAt ?? oldest) + settings.requestTimeout))
    }

    private mutating func expireWaiting(at now: Moment, _ effects: inout SessionEffects) {
        guard let disconnectedAt else { return }
        guard disconnectedAt + settings.requestTimeout <= now else { return setExpiry(&effects) }
        for pending in queue.expire(submittedBy: now - settings.requestTimeout) {
            watches.finish(pending, .closing)
            let error = ZooKeeperError(.connectionLoss, message: "no connection for \(settings.requestTimeout)")
            effects.finished.append((pending, failure(error, of: pending)))
        }
        setExpiry(&effects)
    }

    // MARK: The end

    /// Nothing is held any more in a session that its owner closes.
    private mutating func drain(at now: Moment, _ effects: inout SessionEffects) {
        effects.notices.append(.unheld)
        // With a connection, what came before the close still leaves: perhaps it only waits because another thread has
        // the duty to hand it over.
        for pending in queue.isOpen ? [] : queue.drainWaiting(includingUrgent: false) {
            watches.finish(pending, .closing)
            effects.finished.append((pending, failure(Self.endError(.closed, execution: .notSent), of: pending)))
        }
        effects.timers.append((.drain, now + settings.closeGrace))
    }

    /// Goes on closing once nothing is under way and there is a connection to say goodbye on.
    mutating func endIfDrained(at now: @autoclosure () -> Moment, _ effects: inout SessionEffects) {
        guard machine.closing.phase == .draining, queue.issuedCount == 0, queue.waitingCount == 0, queue.isOpen,
            !isSending
        else { return }
        handle(.drained, at: now(), &effects)
    }

    /// The session is over, by itself or by its owner: ends everything that hangs on it.
    private mutating func end(_ state: SessionState, _ effects: inout SessionEffects) {
        tickAt = nil
        isExpiring = false
        addressTimerAt = nil
        for timer in [.tick, .expiry, .drain, .heartbeat, .catchUp, .addresses, .diagnosis]
            + repeatedReads.keys.map(SessionEffects.Timer.read)
        {
            effects.timers.append((timer, nil))
        }
        repeatedReads = [:]
        toRepeat = []
        for pending in queue.drainWaiting(includingUrgent: true) {
            effects.finished.append((pending, failure(Self.endError(state, execution: .notSent), of: pending)))
        }
        // Their callers are told now. The requests themselves stay until the transport is closed: C may use them yet.
        for pending in queue.allIssued {
            effects.finished.append((pending, failure(Self.endError(state, execution: .unknown), of: pending)))
        }
        effects.notices.append(.ended(state, Array(leaseholders.values), watches.drain()))
        leaseholders = [:]
        effects.closesTransport = true
    }

    /// The transport is closed, and uses no request any more.
    package mutating func transportClosed() {
        queue.removeAllIssued()
        machine.transportClosed()
    }
}
