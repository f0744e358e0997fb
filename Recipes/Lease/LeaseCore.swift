// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization
package import ZooKeeper

/// One hold, for all who use the lock, ask whether it is held, or must be told that it is not.
///
/// ``LeaseStatus`` decides. A use of the lock asks it under the same mutex under which the hold ends, and takes its place
/// in the session's order there; so nothing that is issued through a lease can reach the servers behind the release of
/// its node.
package final class LeaseCore: Leaseholder {
    package let session: ZooKeeperSession
    package let lockPath: ZNodePath
    package let nodePath: ZNodePath
    package let token: FencingToken
    /// Fulfilled when the lock is lost, with `nil` if it was let go instead.
    package let end = Promise<LockLoss?>()
    /// Fulfilled when another client requests revocation, or, with `false`, when the lease has ended.
    package let revocationRequested = Promise<Bool>()
    private let status: Mutex<LeaseStatus>

    package init(
        session: ZooKeeperSession, lockPath: ZNodePath, nodePath: ZNodePath, token: FencingToken,
        policy: LossPolicy = .onDeadline
    ) {
        self.session = session
        self.lockPath = lockPath
        self.nodePath = nodePath
        self.token = token
        self.status = Mutex(LeaseStatus(policy))
        // From here on it is told what becomes of the session; what came before is looked at.
        if let state = session.attach(self) {
            lose(.sessionEnded(state))
        } else if Moment.now >= session.leasesExpireBy {
            sessionOverdue()
        } else if policy == .onSuspension, !session.isUp {
            sessionSuspended()
        }
    }

    // MARK: Ending

    /// Takes in that the lock is lost, unless the lease has ended before.
    package func lose(_ loss: LockLoss) { carryOut(status.withLock { $0.lose(loss) }) }

    package func sessionSuspended() { carryOut(status.withLock { $0.suspended() }) }

    package func sessionOverdue() { carryOut(status.withLock { $0.overdue() }) }

    package func sessionEnded(_ state: SessionState) { lose(.sessionEnded(state)) }

    /// Takes in that another client requests revocation.
    package func requestRevocation() { revocationRequested.fulfil(true) }

    /// Closes the lease, so that it cannot be used any more, and then calls `release`.
    ///
    /// - Returns: The loss, if it was lost.
    package func close(release: () -> Void) -> LockLoss? {
        let (isOpen, loss, effect) = status.withLock { $0.close(now: .now, deadline: session.leasesExpireBy) }
        // After the lock, for it may call back; and behind everything that was issued under it.
        if isOpen { release() }
        carryOut(effect)
        return loss
    }

    private func carryOut(_ effect: LeaseStatus.Effect?) {
        switch effect {
        case nil: break
        case .end(let loss):
            if let loss, loss != .nodeDeleted {
                BackgroundLog.write(
                    session.logger, .debug, "The lock is lost",
                    [
                        LogKeys.lockPath: "\(lockPath)", LogKeys.node: "\(nodePath.name)",
                        LogKeys.fencingToken: "\(token)", LogKeys.sessionID: "\(session.idText)",
                        LogKeys.reason: "\(loss)",
                    ])
            }
            session.detach(self)
            end.fulfil(loss)
            revocationRequested.fulfil(false)
        case .confirm: confirm()
        }
    }

    // MARK: Asking

    /// Calls `body` while it is certain that the lease has not ended. `body` must not call out.
    ///
    /// - Parameters:
    ///   - duration: The time that must be left until the deadline.
    ///   - provesItself: `true` if the answer to what `body` issues shows whether the lock is held, so that a lease in
    ///     doubt is good enough.
    ///   - isOpen: Tells whether the scope that asks has not ended.
    /// - Throws: ``LockError``: `lost`, `unconfirmed`, `scopeEnded`.
    func whileHeld<Success>(
        for duration: Duration = .zero, provesItself: Bool = false, isOpen: () -> Bool = { true }, _ body: () -> Success
    ) throws(LockError) -> Success {
        var effect: LeaseStatus.Effect?
        let result: Result<Success, LockError> = status.withLock { status in
            if status.phase == .held || status.phase == .doubtful, !isOpen() {
                return .failure(LockError(.scopeEnded, path: lockPath))
            }
            let check: LeaseStatus.Check
            (check, effect) = status.check(
                now: .now, deadline: session.leasesExpireBy, needed: duration, provesItself: provesItself)
            switch check {
            case .held: return .success(body())
            case .unconfirmed: return .failure(LockError(.unconfirmed, path: lockPath))
            case .lost(let loss): return .failure(LockError(.lost, path: lockPath, loss: loss))
            case .scopeEnded: return .failure(LockError(.scopeEnded, path: lockPath))
            }
        }
        carryOut(effect)
        return try result.get()
    }

    /// Asks the leader, over whatever connections it takes, whether the node is there; then the doubt is over.
    private func confirm() {
        _ = session.submit(
            TransactionList([Check(nodePath)]).makeRequest(), priority: .urgent, retry: .untilSessionEnds
        ) { [weak self] outcome in
            guard let self else { return }
            switch outcome {
            case .success:
                carryOut(status.withLock { $0.confirmed(now: .now, deadline: session.leasesExpireBy) })
            case .failure(let error):
                if error.code == .noNode { return lose(.nodeDeleted) }
                // No answer to the question, for example because the server is overloaded.
                guard !session.state.isFinal else { return }
                Deadlines.shared.schedule(at: .now + session.heartbeatInterval) { [weak self] in
                    if let self, status.withLock({ $0.phase == .doubtful }) { confirm() }
                }
            }
        }
    }
}
