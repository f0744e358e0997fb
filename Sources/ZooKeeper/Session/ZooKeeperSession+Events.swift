// SPDX-License-Identifier: Apache-2.0

// What the transport tells a session, and what contenders and leases do.

import Synchronization

extension ZooKeeperSession: SessionTransportDelegate, PendingRequestDelegate {
    package func transport(did event: TransportEvent) {
        change { core, effects in
            let now = Moment.now
            switch event {
            case .connected(let id, let password, let timeout, let isReadOnly):
                core.password = password
                core.handle(.connected(id, timeout: timeout, isReadOnly: isReadOnly), at: now, &effects)
            case .disconnected: core.handle(.disconnected, at: now, &effects)
            case .expired: core.handle(.expired, at: now, &effects)
            case .authenticationFailed: core.handle(.authenticationFailed, at: now, &effects)
            case .unreachable(let reason): core.handle(.unreachable(reason), at: now, &effects)
            case .resolved(let addresses, let faults): core.resolved(addresses, faults: faults, at: now, &effects)
            case .notResolved(let reason): core.notResolved(reason, at: now, &effects)
            case .diagnosed(let findings): core.diagnosed(findings, at: now, &effects)
            case .replacing: core.replacing(at: now, &effects)
            case .opened(let addresses): core.opened(addresses, isNew: true, at: now, &effects)
            case .kept(let addresses): core.opened(addresses, isNew: false, at: now, &effects)
            }
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
