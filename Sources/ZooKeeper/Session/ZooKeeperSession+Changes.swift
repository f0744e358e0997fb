// SPDX-License-Identifier: Apache-2.0

// The one way in which a session changes: pure code changes its core under the lock and collects what follows, and that
// is carried out here, in one order, without the lock.

import Logging
import Synchronization

extension ZooKeeperSession {
    /// Reads something of the session's state.
    func read<Result>(_ body: (borrowing SessionCore) -> Result) -> Result { locked.withLock { body($0.core) } }

    /// Changes the session, and carries out what follows. Not to be called under a lock that others wait for: callers
    /// are resumed, and code of theirs is called.
    func change<Result>(_ body: (inout SessionCore, inout SessionEffects) -> Result) -> Result {
        var effects = SessionEffects()
        let result = decide(&effects, body)
        carryOut(&effects)
        return result
    }

    /// The first half of ``change(_:)``, which calls nobody. What follows is to be carried out at once, without any lock.
    func decide<Result>(
        _ effects: inout SessionEffects, _ body: (inout SessionCore, inout SessionEffects) -> Result
    ) -> Result {
        locked.withLock { state in
            let result = body(&state.core, &effects)
            state.core.startSending(at: .now, &effects)
            settle(&state, &effects)
            return result
        }
    }

    /// Does what must be done under the lock, so that it is in order.
    private func settle(_ state: inout State, _ effects: inout SessionEffects) {
        state.core.endIfDrained(at: .now, &effects)
        for (timer, moment) in effects.timers {
            state.timers.removeValue(forKey: timer)?.cancel()
            guard let moment else { continue }
            state.timers[timer] = Deadlines.shared.schedule(at: moment) { [weak self] in
                self?.change { core, effects in core.timerFired(timer, at: .now, &effects) }
            }
        }
        for notice in effects.notices { notices.post(notice) }
        if instruments != nil {
            effects.watchesSet += state.core.watches.setCount - state.measuredWatches
            state.measuredWatches = state.core.watches.setCount
        }
        leaseDeadline.store(state.core.machine.leasesExpireBy.nanoseconds, ordering: .relaxed)
    }

    /// Carries out what follows from a change, and from what follows from that.
    func carryOut(_ effects: inout SessionEffects) {
        while true {
            if !effects.notices.isEmpty { deliverNotices() }
            if effects.closesTransport { closeTransport() }
            if effects.resolves { transport.resolve() }
            if let addresses = effects.diagnoses { transport.diagnose(addresses) }
            if let handle = effects.newHandle { connect(handle) }
            guard let batch = effects.batch.take() else { break }
            effects.beginNext()
            send(batch, &effects)
        }
        effects.registered.forEach(register)
        if effects.watchesSet != 0 { instruments?.watchesChanged(by: effects.watchesSet) }
        for (watch, event) in effects.fired { watch.result.fulfil(.success(event)) }
        effects.finished.forEach { pending, answer in pending.finish(answer) }
    }

    /// Hands a batch to the transport: one thread at a time does, so that requests leave in the queue's order. Outside of
    /// the lock: handing one over takes locks of the C client, which its I/O thread holds while it sends, and wakes that
    /// thread; the thread that brings an answer need not wait for that.
    private func send(_ batch: SessionCore.Batch, _ effects: inout SessionEffects) {
        var refusals: [(pending: PendingRequest, code: ResultCode)] = []
        batch.entry.forEach { pending in
            if let code = transport.issue(pending) { refusals.append((pending, code)) }
        }
        locked.withLock { state in
            for (pending, code) in refusals { state.core.refused(pending, code, batch, at: .now, &effects) }
            state.core.goOnSending(at: .now, &effects)
            settle(&state, &effects)
        }
    }

    private func register(_ pending: PendingRequest) {
        guard let registration = pending.watch?.registration, let path = pending.path else { return }
        // Not the request itself, which holds the watch.
        var node = Request(path, .exists)
        node.isOutsideChroot = pending.isOutsideChroot
        registration.registered { [weak self, node] registration in
            self?.change { core, effects in core.abandon(registration, on: node, at: .now, &effects) }
        }
    }

    private func connect(_ handle: SessionCore.NewHandle) {
        transport.connect(
            to: handle.addresses, resuming: handle.identity, timeout: handle.timeout, onlyIfStuck: handle.onlyIfStuck)
    }

    private func closeTransport() {
        transport.close { [self] in
            change { core, _ in core.transportClosed() }
            released.fulfil(())
        }
    }

    /// Writes a line at level info, with the session that it is about.
    private func log(_ message: Logger.Message, _ metadata: Logger.Metadata) {
        var metadata = metadata
        metadata[LogKeys.sessionGeneration] = "\(generation)"
        if let id { metadata[LogKeys.sessionID] = "\(id)" }
        BackgroundLog.write(logger, .info, message, metadata)
    }

    /// Tells those who measure what a change of the state is for them.
    private func measure(_ state: SessionState, after old: SessionState, _ instruments: Instruments) {
        if state.isConnected != old.isConnected {
            if state.isConnected { instruments.sessionConnected() } else { instruments.sessionDisconnected() }
        }
        if case .lost(let reason) = state { instruments.sessionLost(reason.label) }
    }

    private func deliverNotices() {
        notices.deliver { notice in
            switch notice {
            case .state(let state):
                if let instruments { measure(state, after: feed.current, instruments) }
                feed.send(state, isLast: state.isFinal)
                whenStateChanges(state)
            case .connected: connected.fulfil(true)
            case .diagnosed(let findings):
                log(
                    "No server has answered for a while; still trying",
                    [LogKeys.reason: "\(findings.map(\.description).joined(separator: "; "))"])
            case .connectionStorm(let count):
                log(
                    """
                    Connections are lost again and again; the servers' logs say why: often a request that is longer than their \
                    jute.maxbuffer, or two clients with one session
                    """, [LogKeys.count: "\(count) in 10 s"])
            case .namesNotResolved(let faults):
                log(
                    "A server's name cannot be resolved; going on with the addresses that are known",
                    [LogKeys.reason: "\(faults.joined(separator: "; "))"])
            case .retiring: retiring.fulfil(())
            case .unheld: unheld.fulfil(())
            case .suspended(let leaseholders): for lease in leaseholders { lease.sessionSuspended() }
            case .overdue(let leaseholders): for lease in leaseholders { lease.sessionOverdue() }
            case .ended(let state, let leaseholders, let watches):
                connected.fulfil(false)
                ended.fulfil(state)
                unheld.fulfil(())
                for lease in leaseholders { lease.sessionEnded(state) }
                for watch in watches { watch.result.fulfil(.failure(endError(state, execution: .unknown))) }
            }
        }
    }
}
