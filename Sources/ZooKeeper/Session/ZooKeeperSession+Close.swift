// How a session ends. Whatever the C client does then, every call returns and every pending request is let go exactly
// once.

import Synchronization

extension ZooKeeperSession {
    /// Ends the session when nothing is held in it any more.
    ///
    /// From the moment of the call nothing new can be held, and bodies that hold something are cancelled. Until the
    /// last of them has ended and its node is gone, everything else goes on: the connection, the heartbeats, requests.
    /// Then new requests throw `closed`; those that wait for a connection are not sent any more; those before the
    /// close that are not answered within half a second fail. Ephemeral nodes are removed by the server at once if
    /// there is a connection, otherwise when the session times out.
    ///
    /// Waits for bodies no longer than the session's time-out, and when they have ended, for the rest 6 s at the
    /// latest. Past that the session goes on closing by itself. Inside a body that holds something in this session it
    /// does not wait. Calling it again, also at the same time, is harmless.
    package func close() async { _ = await closeIfFree() }

    /// As ``close()``.
    ///
    /// - Returns: The nodes that are still held, if it did not wait for that to end.
    func closeIfFree() async -> [ZNodePath] {
        beginClose()
        if ScopeLineage.isInside(ObjectIdentifier(self)) { return [] }
        let limit = ContinuousClock.now + (settings.closeTimeout ?? timeout)
        await unheld.wait(until: limit, isShielded: true)
        let held = unheld.current == nil ? core.withLock { $0.closing.held } : []
        guard held.isEmpty else { return held }
        let end = PlantedBug.closeWithoutDeadline.isPlanted ? nil : ContinuousClock.now + settings.transportCloseTimeout
        await released.wait(until: end, isShielded: true)
        return []
    }

    /// As ``close()``, without waiting.
    package func beginClose() {
        retire()
        drain { $0.close() }
    }

    /// Lets nothing new be held, and tells bodies to end; the session itself goes on.
    package func retire() {
        core.withLock { core in
            if core.closing.retire() { notices.post(.retiring) }
        }
        deliverNotices()
    }

    // MARK: What is held

    /// Counts in a holder that relies on the session, and must not be cut off by its closing: to be ended with
    /// ``endHold(_:)`` when the body has ended and its node is gone.
    ///
    /// - Parameters:
    ///   - path: The node that is held, for the warning of a session that does not end; the root if there is none.
    ///   - isContinued: `true` if it takes over from a holder that is still counted in.
    /// - Returns: Its number; `nil` if the session is being closed.
    package func beginHold(at path: ZNodePath, isContinued: Bool = false) -> Int? {
        core.withLock { $0.closing.beginHold(at: path, isContinued: isContinued) }
    }

    package func endHold(_ number: Int) {
        drain { $0.endHold(number) }
    }

    // MARK: Draining

    /// - Parameter change: Says whether the session begins to drain.
    private func drain(_ change: (inout SessionClosing) -> Bool) {
        var finished: Finished = []
        core.withLock { core in
            guard change(&core.closing) else { return }
            notices.post(.unheld)
            // With a connection, what came before the close still leaves: perhaps it only waits because another thread
            // has the duty to hand it over.
            for pending in core.queue.isOpen ? [] : core.queue.drainWaiting(includingUrgent: false) {
                core.watches.finish(pending, .closing)
                finished.append((pending, .failure(located(endError(.closed, execution: .notSent), pending))))
            }
            Deadlines.shared.schedule(at: .now + settings.closeGrace) { [weak self] in self?.endDrain() }
            finishCloseIfDrained(&core, &finished)
        }
        deliverNotices()
        complete(finished)
    }

    private func endDrain() {
        var finished: Finished = []
        core.withLock { core in finishClose(&core, &finished) }
        deliverNotices()
        complete(finished)
    }

    /// Goes on closing once nothing is under way and there is a connection to say goodbye on.
    func finishCloseIfDrained(_ core: inout Core, _ finished: inout Finished) {
        guard core.closing.phase == .draining, core.queue.issuedCount == 0, core.queue.waitingCount == 0,
            core.queue.isOpen
        else { return }
        finishClose(&core, &finished)
    }

    private func finishClose(_ core: inout Core, _ finished: inout Finished) {
        guard core.closing.phase == .draining else { return }
        let now = ContinuousClock.now
        apply(core.machine.handle(.closed, at: now), at: now, &core, &finished)
        terminate(.closed, &core, &finished)
    }

    /// The session is over, by itself or by its owner: ends everything that hangs on it.
    func terminate(_ state: SessionState, _ core: inout Core, _ finished: inout Finished) {
        core.closing.end()
        core.tick?.deadline.cancel()
        core.expiry?.cancel()
        for end in core.repeatedReads.values { end.cancel() }
        core.repeatedReads = [:]
        for pending in core.queue.drainWaiting(includingUrgent: true) {
            finished.append((pending, .failure(located(endError(state, execution: .notSent), pending))))
        }
        // Their callers are told now. The pendingRequests themselves stay until the transport is closed: C may use
        // them yet.
        for pending in core.queue.allIssued where !PlantedBug.noDrainAfterClose.isPlanted {
            finished.append((pending, .failure(located(endError(state, execution: .unknown), pending))))
        }
        let watches = core.watches.drain()
        notices.post(.ended(state, Array(core.leaseholders.values), watches))
        core.leaseholders = [:]
        if PlantedBug.handlesStayOpen.isPlanted { return }
        transport.close { [self] in
            self.core.withLock { core in
                core.queue.removeAllIssued()
                core.closing.finish()
            }
            released.fulfil(())
        }
    }

    /// Why nothing can be had from a session that is in `state`.
    func endError(_ state: SessionState, execution: ZooKeeperError.Execution) -> ZooKeeperError {
        guard case .lost(let reason) = state else { return ZooKeeperError(.closed, execution: execution) }
        return ZooKeeperError(reason.code, execution: execution, message: "the session is lost: \(reason)")
    }
}
