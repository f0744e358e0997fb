// What the transport and the clock tell a session.

import Synchronization

extension ZooKeeperSession: SessionTransportDelegate {
    package func transport(did event: TransportEvent) {
        if case .connected(_, let password, _, _) = event { core.withLock { $0.password = password } }
        handle(SessionStateMachine.Event(event))
    }

    package func transport(sawChangeOf path: ServerPath, _ kind: WatchEvent.Kind) {
        let (watches, connection) = core.withLock { ($0.watches.fire(kind, at: path), $0.connection) }
        let event = WatchEvent(
            kind: kind, path: path.relative(to: settings.chroot), connection: connection)
        for watch in watches { watch.result.fulfil(.success(event)) }
    }

    func handle(_ event: SessionStateMachine.Event) {
        let now = ContinuousClock.now
        var finished: Finished = []
        let batch = core.withLock { core in
            apply(core.machine.handle(event, at: now), at: now, &core, &finished)
            publishLeaseDeadline(core)
            scheduleTick(&core)
            return beginSending(&core)
        }
        // First, for a holder that must be told that its lock is lost must not wait until requests are handed over.
        deliverNotices()
        send(batch)
        complete(finished)
    }

    func apply(
        _ effects: [SessionStateMachine.Effect], at now: ContinuousClock.Instant, _ core: inout Core,
        _ finished: inout Finished
    ) {
        for effect in effects {
            switch effect {
            case .stateChanged: notices.post(.state(core.machine.state))
            case .connectionUp: connectionUp(&core)
            case .connectionDown: connectionDown(at: now, &core)
            case .heartbeat(let toLeader): appendHeartbeat(toLeader: toLeader, &core)
            case .leasesOverdue: notices.post(.overdue(Array(core.leaseholders.values)))
            case .ended(let reason): terminate(.lost(reason), &core, &finished)
            }
        }
    }

    private func connectionUp(_ core: inout Core) {
        core.connection += 1
        core.queue.isOpen = true
        // Nobody's request goes out before it is known that there is a chroot for it, and that the servers have
        // accepted the credentials, which the C client shows on every connection.
        core.queue.isHeld = core.hasCredentials || (!core.isChrootKnown && !settings.chroot.isRoot)
        if core.queue.isHeld {
            // For callers that wait this is no connection yet: a server may accept it, and then be silent.
            if core.disconnectedAt == nil { core.disconnectedAt = .now }
            if core.expiry == nil { scheduleExpiry(&core) }
        } else {
            canSend(&core)
        }
    }

    /// Requests can leave from now on.
    private func canSend(_ core: inout Core) {
        core.disconnectedAt = nil
        core.expiry?.cancel()
        core.expiry = nil
        // Only the first time counts.
        notices.post(.connected)
    }

    private func connectionDown(at now: ContinuousClock.Instant, _ core: inout Core) {
        core.queue.isOpen = false
        // Unless its server has not answered: then there has been none to those who wait.
        if core.disconnectedAt == nil { core.disconnectedAt = now }
        scheduleExpiry(&core)
        if !core.machine.state.isFinal { notices.post(.suspended(Array(core.leaseholders.values))) }
    }

    /// A read answers from whatever server we are connected to, which is enough to know that the session lives. For
    /// leases a `sync` is sent: it goes to the leader, without costing a quorum write.
    private func appendHeartbeat(toLeader: Bool, _ core: inout Core) {
        let isProbe = core.queue.isHeld || !toLeader || PlantedBug.heartbeatsMissTheLeader.isPlanted
        let request = Request(.root, isProbe ? .exists : .sync)
        let pending = makePending(request, .now, .never) { [weak self] outcome in
            guard let self else { return }
            if case .failure(let error) = outcome, error.code == .throttled {
                // Proves nothing, and a lease may count on it.
                repeatHeartbeatSoon()
            } else if isProbe {
                probed(outcome)
            }
        }
        core.queue.append(.single(pending), .urgent)
    }

    /// Repeats a heartbeat, one at a time: a server that throttles has enough to do.
    private func repeatHeartbeatSoon() {
        let delay: Duration? = core.withLock { core in
            guard !core.isRepeatingHeartbeat else { return nil }
            core.isRepeatingHeartbeat = true
            return min(max(core.machine.heartbeatInterval / 4, .milliseconds(50)), .seconds(1))
        }
        guard let delay else { return }
        Deadlines.shared.schedule(at: .now + delay) { [weak self] in self?.repeatHeartbeat() }
    }

    private func repeatHeartbeat() {
        let batch: Batch? = core.withLock { core in
            core.isRepeatingHeartbeat = false
            guard core.machine.isUp, core.closing.phase <= .draining else { return nil }
            appendHeartbeat(toLeader: core.machine.hasLeases, &core)
            return beginSending(&core)
        }
        send(batch)
    }

    /// The chroot has been looked at.
    private func probed(_ outcome: PendingRequest.Answer) {
        var isMissing = false
        switch outcome {
        case .success: break
        case .failure(let error) where error.execution == .refused: isMissing = error.code == .noNode
        case .failure: return
        }
        var finished: Finished = []
        let batch = core.withLock { core in
            core.isChrootKnown = true
            core.isChrootMissing = isMissing
            if isMissing {
                for pending in core.queue.drainWaiting(includingUrgent: false) {
                    core.watches.finish(pending, .closing)
                    finished.append((pending, .failure(located(chrootError, pending))))
                }
            }
            if core.queue.isHeld {
                core.queue.isHeld = false
                canSend(&core)
            }
            return beginSending(&core)
        }
        send(batch)
        deliverNotices()
        complete(finished)
    }

    // MARK: Time

    /// Arms the timer for the machine's next moment. A timer that is armed for an earlier one is left alone: it looks
    /// again when it fires.
    func scheduleTick(_ core: inout Core) {
        guard let next = core.machine.nextTick else {
            core.tick?.deadline.cancel()
            core.tick = nil
            return
        }
        if let tick = core.tick {
            if tick.at <= next { return }
            tick.deadline.cancel()
        }
        let deadline = Deadlines.shared.schedule(at: next) { [weak self] in
            self?.core.withLock { $0.tick = nil }
            self?.handle(.tick)
        }
        core.tick = (next, deadline)
    }

    /// While there is no connection, nothing waits longer than the request time-out.
    func scheduleExpiry(_ core: inout Core) {
        guard let oldest = core.queue.oldestSubmission, !core.machine.state.isFinal else { return }
        if PlantedBug.callsWaitForEver.isPlanted { return }
        let at = max(oldest, core.disconnectedAt ?? oldest) + settings.requestTimeout
        core.expiry?.cancel()
        core.expiry = Deadlines.shared.schedule(at: at) { [weak self] in self?.expireWaiting() }
    }

    private func expireWaiting() {
        var finished: Finished = []
        core.withLock { core in
            core.expiry = nil
            guard let disconnectedAt = core.disconnectedAt else { return }
            let now = ContinuousClock.now
            guard disconnectedAt + settings.requestTimeout <= now else { return scheduleExpiry(&core) }
            for pending in core.queue.expire(submittedBy: now - settings.requestTimeout) {
                core.watches.finish(pending, .closing)
                let error = ZooKeeperError(
                    .connectionLoss, message: "no connection for \(settings.requestTimeout)")
                finished.append((pending, .failure(located(error, pending))))
            }
            scheduleExpiry(&core)
        }
        complete(finished)
    }

    // MARK: Telling others

    /// Lets leases read the deadline without the lock.
    func publishLeaseDeadline(_ core: borrowing Core) {
        leaseDeadline.store(core.machine.leasesExpireBy.nanosecondsSinceOrigin, ordering: .relaxed)
    }

    func deliverNotices() {
        notices.deliver { notice in
            switch notice {
            case .state(let state):
                feed.send(state, isLast: state.isFinal)
                whenStateChanges(state)
            case .connected: connected.fulfil(true)
            case .retiring: retiring.fulfil(())
            case .unheld: unheld.fulfil(())
            case .suspended(let leaseholders): leaseholders.forEach { $0.sessionSuspended() }
            case .overdue(let leaseholders): leaseholders.forEach { $0.sessionOverdue() }
            case .ended(let state, let leaseholders, let allWatches):
                let watches = PlantedBug.watchesHangAtTheEnd.isPlanted ? [] : allWatches
                connected.fulfil(false)
                ended.fulfil(state)
                unheld.fulfil(())
                leaseholders.forEach { $0.sessionEnded(state) }
                for watch in watches { watch.result.fulfil(.failure(endError(state, execution: .unknown))) }
            }
        }
    }

    // MARK: Leases

    /// Counts in a contender or lease: heartbeats go to the leader from now on.
    package func retainLeaderHeartbeats() {
        core.withLock { core in
            core.leaderHeartbeatUsers += 1
            core.machine.hasLeases = true
            scheduleTick(&core)
        }
    }

    package func releaseLeaderHeartbeats() {
        core.withLock { core in
            core.leaderHeartbeatUsers -= 1
            core.machine.hasLeases = core.leaderHeartbeatUsers > 0
        }
    }

    /// Tells `leaseholder` from now on what becomes of the session.
    ///
    /// - Returns: The final state of the session, if it has ended.
    package func attach(_ leaseholder: any Leaseholder) -> SessionState? {
        core.withLock { core in
            if core.closing.phase > .retiring { return core.machine.state.isFinal ? core.machine.state : .closed }
            core.leaseholders[ObjectIdentifier(leaseholder)] = leaseholder
            return nil
        }
    }

    package func detach(_ leaseholder: any Leaseholder) {
        core.withLock { core in core.leaseholders[ObjectIdentifier(leaseholder)] = nil }
    }
}

extension SessionStateMachine.Event {
    fileprivate init(_ event: TransportEvent) {
        self =
            switch event {
            case .connected(let id, _, let timeout, let isReadOnly):
                .connected(id, timeout: timeout, isReadOnly: isReadOnly)
            case .disconnected: .disconnected
            case .expired: .expired
            case .authenticationFailed: .authenticationFailed
            case .unreachable(let detail): .unreachable(detail)
            }
    }
}
