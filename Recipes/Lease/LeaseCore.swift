import Synchronization
package import ZooKeeper

/// Whether one lock is held: the one place that knows, for everybody who asks or must be told.
///
/// It ends once: by loss, or because its scope closes it. Whoever uses the lock asks under the same lock under which it
/// ends, and issues its request there; so nothing that is issued through a lease can reach the servers behind the
/// release of its node.
package final class LeaseCore: Leaseholder {
    package enum Status: Sendable {
        case held
        case lost(LockLoss)
        case closed
    }

    package let session: ZooKeeperSession
    package let lockPath: ZNodePath
    package let nodePath: ZNodePath
    package let token: FencingToken
    /// Fulfilled when the lock is lost, with `nil` if it was let go instead.
    package let end = Promise<LockLoss?>()
    private let status = Mutex(Status.held)

    package init(session: ZooKeeperSession, lockPath: ZNodePath, nodePath: ZNodePath, token: FencingToken) {
        self.session = session
        self.lockPath = lockPath
        self.nodePath = nodePath
        self.token = token
        if let state = session.attach(self) {
            lose(.sessionEnded(state))
        } else if ContinuousClock.now >= session.leasesExpireBy {
            lose(.deadlinePassed)
        }
    }

    // MARK: Ending

    /// It is lost, unless it has ended before.
    package func lose(_ loss: LockLoss) {
        let isNew = status.withLock { status in
            guard case .held = status else { return false }
            status = .lost(loss)
            return true
        }
        guard isNew else { return }
        session.detach(self)
        end.fulfil(loss)
    }

    /// Lets go of it, and then calls `release`: nobody can use it any more.
    ///
    /// - Returns: How it was lost, if it was.
    package func close(release: () -> Void) -> LockLoss? {
        let (loss, wasHeld, isOpen): (LockLoss?, Bool, Bool) = status.withLock { status in
            switch status {
            case .held:
                // Late by the clock is lost, even if nobody has noticed yet.
                let loss: LockLoss? = ContinuousClock.now >= session.leasesExpireBy ? .deadlinePassed : nil
                status = loss.map { .lost($0) } ?? .closed
                return (loss, true, true)
            case .lost(let loss): return (loss, false, true)
            case .closed: return (nil, false, false)
            }
        }
        // After the lock, for it may call back; and behind everything that was issued under it.
        if isOpen { release() }
        if wasHeld {
            session.detach(self)
            end.fulfil(loss)
        }
        return loss
    }

    package func sessionSuspended() {}

    package func sessionOverdue() { lose(.deadlinePassed) }

    package func sessionEnded(_ state: SessionState) { lose(.sessionEnded(state)) }

    // MARK: Asking

    /// Calls `body` while it is certain that the lease has not ended. `body` must not call out.
    ///
    /// - Throws: ``LockError``: `lost`, `scopeEnded`.
    func whileHeld<Success>(
        for duration: Duration = .zero, isOpen: () -> Bool = { true }, _ body: () -> Success
    ) throws(LockError) -> Success {
        var isLateNow = false
        let result: Result<Success, LockError> = status.withLock { status in
            switch status {
            case .closed: return .failure(LockError(.scopeEnded, path: lockPath))
            case .lost(let loss): return .failure(LockError(.lost, path: lockPath, loss: loss))
            case .held:
                guard isOpen() else { return .failure(LockError(.scopeEnded, path: lockPath)) }
                let remaining = ContinuousClock.now.duration(to: session.leasesExpireBy)
                if remaining > max(duration, .zero) { return .success(body()) }
                // Past the deadline it is lost for good, also if an answer comes late and moves the deadline on. (Less left
                // than was asked for is no loss.)
                if remaining <= .zero {
                    status = .lost(.deadlinePassed)
                    isLateNow = true
                }
                return .failure(LockError(.lost, path: lockPath, loss: .deadlinePassed))
            }
        }
        if isLateNow {
            session.detach(self)
            end.fulfil(.deadlinePassed)
        }
        return try result.get()
    }
}
