// What the transport tells a session, and what contenders and leases do.

import Synchronization

extension ZooKeeperSession: SessionTransportDelegate, PendingRequestDelegate {
    package func transport(did event: TransportEvent) {
        change { core, effects in
            if case .connected(_, let password, _, _) = event { core.password = password }
            core.handle(SessionStateMachine.Event(event), at: .now, &effects)
        }
    }

    package func transport(sawChangeOf path: ServerPath, _ kind: WatchEvent.Kind) {
        change { core, effects in core.changed(path, kind, &effects) }
    }

    package func answered(_ pending: PendingRequest, with result: Result<ServerResponse, ResultFailure>) {
        change { core, effects in core.answered(pending, with: result, at: .now, &effects) }
    }

    // MARK: Leases

    /// Counts in a contender or lease: heartbeats go to the leader from now on.
    package func retainLeaderHeartbeats() {
        change { core, effects in core.retainLeaderHeartbeats(&effects) }
    }

    package func releaseLeaderHeartbeats() {
        change { core, _ in core.releaseLeaderHeartbeats() }
    }

    /// Tells `leaseholder` from now on what becomes of the session.
    ///
    /// - Returns: The final state of the session, if it has ended.
    package func attach(_ leaseholder: any Leaseholder) -> SessionState? {
        change { core, _ in core.attach(leaseholder) }
    }

    package func detach(_ leaseholder: any Leaseholder) {
        change { core, _ in core.detach(leaseholder) }
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
