// How a session ends. Whatever the C client does then, every call returns and every reply is let go exactly once.

import Synchronization

extension ZooKeeperSession {
    /// Ends the session: waits a moment for what is under way, tells the server, lets everything go.
    ///
    /// New requests throw `closed` from the moment of the call; those that wait for a connection are not sent any more;
    /// those before the close that are not answered within half a second fail. Ephemeral nodes are
    /// removed by the server at once if there is a connection, otherwise when the session times out.
    ///
    /// Returns when all that is done, after 6 s at the latest. Calling it again, also at the same time, is harmless.
    package func close() async {
        beginClose()
        let limit = PlantedBug.closeWithoutDeadline.isPlanted ? nil : ContinuousClock.now + settings.closeTimeout
        await released.wait(until: limit, isShielded: true)
    }

    /// As ``close()``, without waiting.
    package func beginClose() {
        var finished: Finished = []
        core.withLock { core in
            guard core.closing == .open else { return }
            core.closing = .draining
            // With a connection, what came before the close still leaves: perhaps it only waits because another thread
            // has the duty to hand it over.
            for reply in core.gate.isOpen ? [] : core.gate.drainWaiting(includingUrgent: false) {
                _ = core.watches.settle(reply.request, .closing)
                finished.append((reply, .failure(located(endError(.closed, outcome: .notSent), reply))))
            }
            Deadlines.shared.schedule(at: .now + settings.closeGrace) { [weak self] in self?.endDrain() }
            finishCloseIfDrained(&core, &finished)
        }
        deliverNotices()
        tell(finished)
    }

    private func endDrain() {
        var finished: Finished = []
        core.withLock { core in finishClose(&core, &finished) }
        deliverNotices()
        tell(finished)
    }

    /// Goes on closing once nothing is under way and there is a connection to say goodbye on.
    func finishCloseIfDrained(_ core: inout Core, _ finished: inout Finished) {
        guard core.closing == .draining, core.gate.issuedCount == 0, core.gate.waitingCount == 0, core.gate.isOpen
        else { return }
        finishClose(&core, &finished)
    }

    private func finishClose(_ core: inout Core, _ finished: inout Finished) {
        guard core.closing == .draining else { return }
        let now = ContinuousClock.now
        apply(core.machine.handle(.closed, at: now), at: now, &core, &finished)
        terminate(.closed, &core, &finished)
    }

    /// The session is over, by itself or by its owner: ends everything that hangs on it.
    func terminate(_ state: SessionState, _ core: inout Core, _ finished: inout Finished) {
        core.closing = .closing
        core.tick?.deadline.cancel()
        core.expiry?.cancel()
        for reply in core.gate.drainWaiting(includingUrgent: true) {
            finished.append((reply, .failure(located(endError(state, outcome: .notSent), reply))))
        }
        // Their callers are told now. The replies themselves stay until the transport is closed: C may use them yet.
        for reply in core.gate.allIssued where !PlantedBug.noDrainAfterClose.isPlanted {
            finished.append((reply, .failure(located(endError(state, outcome: .unknown), reply))))
        }
        let watches = core.watches.drain()
        notices.post([.ended(state, Array(core.leaseholders.values), watches)])
        core.leaseholders = [:]
        if PlantedBug.handlesStayOpen.isPlanted { return }
        transport.close { [self] in
            self.core.withLock { core in
                core.gate.removeAllIssued()
                core.closing = .closed
            }
            released.fulfil(())
        }
    }

    /// Why nothing can be had from a session that is in `state`.
    func endError(_ state: SessionState, outcome: ZooKeeperError.Outcome) -> ZooKeeperError {
        guard case .lost(let reason) = state else { return ZooKeeperError(.closed, outcome: outcome) }
        return ZooKeeperError(reason.code, outcome: outcome, message: "the session is lost: \(reason)")
    }
}
