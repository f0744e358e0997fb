// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization
import ZooKeeper

// The actions of a contender's machine, carried out: all but the requests to the servers.

extension Contender {
    func perform(_ action: ContenderMachine.Action) {
        switch action {
        // Dealt with by the code that performs the actions in a row.
        case .backOff: break
        case .check:
            watchBudgetIsSpent()
            Deadlines.shared.schedule(at: .now + session.heartbeatInterval) { [weak self] in self?.send(action) }
        case .enqueue(_, let createsParents, _):
            logJoining()
            if createsParents, let fault = settings.directoryFault { return refuse(fault) }
            send(action)
        case .watch(let blocker?, _, _):
            logWaiting(blocker)
            measureQueue()
            send(action)
        case .probe, .list, .watch, .relist: send(action)
        case .grant(let grant): granted(grant)
        case .lose:
            let lease = state.withLock { $0.lease }
            if let lease, lease.end.current == nil {
                logEnd("The lock is lost: its node is gone", of: lease.nodePath.name)
            }
            lease?.lose(.nodeDeleted)
            removed.fulfil(.done)
        case .delete(let name): remove(name)
        case .resolveCreate(let guid):
            session.janitor.resolveCreate(settings.dialect.protectedPrefix(for: guid), in: directory, of: session)
        case .fail(let reason):
            logFailure(reason)
            let errors = state.withLock { $0.errors }
            decide(.failed(reason, error(for: reason, among: errors)))
        }
    }

    /// Refuses to join, as the servers would.
    private func refuse(_ error: ZooKeeperError) {
        let failure = ContenderMachine.Failure(error.code, .refused)
        state.withLock { $0.errors[error.code] = error }
        post(
            .enqueued(
                create: .failure(failure), list: .failure(failure), parents: failure, connection: session.connection))
    }

    private func error(
        for reason: ContenderMachine.Reason, among errors: [ZooKeeperError.Code: ZooKeeperError]
    ) -> ZooKeeperError? {
        switch reason {
        case .refused(let failure), .blocked(let failure): errors[failure.code]
        case .mixedKinds: nil
        case .sessionClosing: ZooKeeperError(.closed, path: directory.string, message: "the client is being closed")
        case .createsLost:
            ZooKeeperError(
                .connectionLoss, execution: .unknown, path: directory.string, operation: "create",
                message: """
                    the connection was lost each of the \(ContenderMachine.mostLostCreates) times that this create was sent, \
                    and the node was not there afterwards; a server closes the connection on a request that is longer than its \
                    jute.maxbuffer
                    """)
        default: errors[.sessionLost]
        }
    }

    /// Says once in a session that holders have no watch on their nodes.
    private func watchBudgetIsSpent() {
        guard state.withLock({ $0.errors[.watchBudgetExceeded] }) != nil,
            !session.hasSaidWatchBudgetIsSpent.exchange(true, ordering: .relaxed)
        else { return }
        BackgroundLog.write(
            session.logger, .warning,
            """
            This session watches as many paths as it can; the nodes of further locks that are held are looked at with the \
            heartbeats instead
            """, [LogKeys.lockPath: "\(directory)"])
    }

    /// Measures the number of participants in the way: once, when the queue is known for the first time.
    private func measureQueue() {
        guard let instruments = settings.instruments else { return }
        let ahead: Int? = state.withLock { state in
            if state.isQueueMeasured { return nil }
            state.isQueueMeasured = true
            return state.machine.position?.ahead ?? 0
        }
        if let ahead { instruments.joined(behind: ahead) }
    }

    private func granted(_ grant: ContenderMachine.Grant) {
        let path = directory.child(grant.name)
        guard let hold = session.beginHold(at: path) else {
            // The session is being closed.
            let error = error(for: .sessionClosing, among: [:])
            post(.released)
            decide(.failed(.sessionClosing, error))
            return
        }
        let lease = LeaseCore(
            session: session, lockPath: directory, nodePath: path, token: FencingToken(czxid: grant.czxid),
            policy: settings.lossPolicy)
        logGranted(lease)
        measureQueue()
        let (watches, isRevocationRequested) = state.withLock { state in
            if logsDebug { state.grantedAt = .now }
            state.enqueuing = []
            state.lease = lease
            state.hold = hold
            state.heldNode = (grant.name, path)
            state.announcement = .granted(lease, isWatched: grant.isWatched)
            return (state.takeWatchesOfOthers(), state.isRevocationRequested)
        }
        for watch in watches { watch.cancel() }
        if isRevocationRequested { lease.requestRevocation() }
    }

    private func remove(_ name: String) {
        // The watch on it fires by its removal; cancelled before, it would cost a request to take it off.
        let (watch, held, lease) = state.withLock { ($0.ownWatch, $0.heldNode, $0.lease) }
        // Not a second node that a create has left.
        let isHeld = held?.name == name
        let path = if isHeld, let held { held.path } else { directory.child(name) }
        session.janitor.remove(path, in: session) { [self] removal in
            watch?.cancel()
            guard isHeld else { return }
            if case .refused(let error) = removal {
                removed.fulfil(.refused(error))
            } else {
                // A loss has been logged already, and is no release.
                if case .some(.some) = lease?.end.current {} else { logEnd("The lock is released", of: name) }
                removed.fulfil(.done)
            }
        }
    }
}
