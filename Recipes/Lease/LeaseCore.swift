import Synchronization
package import ZooKeeper

/// The state of one hold: whether the lock is held, for all who ask or must be told.
///
/// It ends once: by loss, or because its scope closes it. A use of the lock asks under the same mutex under which it
/// ends, and issues its request there; so nothing that is issued through a lease can reach the servers behind the
/// release of its node.
package final class LeaseCore: Leaseholder {
    package enum Status: Sendable {
        case held
        /// Past the deadline, and kept until the session ends or the leader has been asked.
        case doubtful
        case lost(LockLoss)
        case closed
    }

    package let session: ZooKeeperSession
    package let lockPath: ZNodePath
    package let nodePath: ZNodePath
    package let token: FencingToken
    private let policy: LossPolicy
    /// Fulfilled when the lock is lost, with `nil` if it was let go instead.
    package let end = Promise<LockLoss?>()
    /// Fulfilled when another client requests revocation, or, with `false`, when the lease has ended.
    package let revocationRequested = Promise<Bool>()
    private let status = Mutex(Status.held)

    package init(
        session: ZooKeeperSession, lockPath: ZNodePath, nodePath: ZNodePath, token: FencingToken,
        policy: LossPolicy = .onDeadline
    ) {
        self.session = session
        self.lockPath = lockPath
        self.nodePath = nodePath
        self.token = token
        self.policy = policy
        // From here on it is told what becomes of the session; what came before is looked at.
        if let state = session.attach(self) {
            lose(.sessionEnded(state))
        } else if ContinuousClock.now >= session.leasesExpireBy {
            sessionOverdue()
        } else if policy == .onSuspension, !session.isUp {
            lose(.connectionLost)
        }
    }

    // MARK: Ending

    /// It is lost, unless it has ended before.
    package func lose(_ loss: LockLoss) {
        let isNew = status.withLock { status in
            switch status {
            case .held, .doubtful: break
            case .lost, .closed: return false
            }
            status = .lost(loss)
            return true
        }
        if isNew { finish(loss) }
    }

    private func finish(_ loss: LockLoss?) {
        session.detach(self)
        end.fulfil(loss)
        revocationRequested.fulfil(false)
    }

    /// Takes in that another client requests revocation.
    package func requestRevocation() { revocationRequested.fulfil(true) }

    /// Closes the lease, so that it cannot be used any more, and then calls `release`.
    ///
    /// - Returns: The loss, if it was lost.
    package func close(release: () -> Void) -> LockLoss? {
        let (loss, wasHeld, isOpen): (LockLoss?, Bool, Bool) = status.withLock { status in
            switch status {
            case .held:
                // Late by the clock is lost, even if nobody has noticed yet.
                let isLate = ContinuousClock.now >= session.leasesExpireBy && policy != .onExpiry
                let loss: LockLoss? = isLate ? .deadlinePassed : nil
                status = loss.map { .lost($0) } ?? .closed
                return (loss, true, true)
            case .doubtful:
                status = .closed
                return (nil, true, true)
            case .lost(let loss): return (loss, false, true)
            case .closed: return (nil, false, false)
            }
        }
        // After the lock, for it may call back; and behind everything that was issued under it.
        if isOpen { release() }
        if wasHeld { finish(loss) }
        return loss
    }

    package func sessionSuspended() {
        if policy == .onSuspension { lose(.connectionLost) }
    }

    package func sessionOverdue() {
        if policy != .onExpiry { return lose(.deadlinePassed) }
        let isNew = status.withLock { status in
            guard case .held = status else { return false }
            status = .doubtful
            return true
        }
        if isNew { confirm() }
    }

    package func sessionEnded(_ state: SessionState) { lose(.sessionEnded(state)) }

    // MARK: Asking

    /// Calls `body` while it is certain that the lease has not ended. `body` must not call out.
    ///
    /// - Parameter provesItself: `true` if the answer to what `body` issues shows whether the lock is held, so that a
    ///   lease in doubt is good enough.
    /// - Throws: ``LockError``: `lost`, `unconfirmed`, `scopeEnded`.
    func whileHeld<Success>(
        for duration: Duration = .zero, provesItself: Bool = false, isOpen: () -> Bool = { true }, _ body: () -> Success
    ) throws(LockError) -> Success {
        var isLateNow = false
        let result: Result<Success, LockError> = status.withLock { status in
            switch status {
            case .closed: return .failure(LockError(.scopeEnded, path: lockPath))
            case .lost(let loss): return .failure(LockError(.lost, path: lockPath, loss: loss))
            case .held, .doubtful: break
            }
            guard isOpen() else { return .failure(LockError(.scopeEnded, path: lockPath)) }
            if provesItself, policy == .onExpiry { return .success(body()) }
            guard case .held = status else { return .failure(LockError(.unconfirmed, path: lockPath)) }
            let remaining = ContinuousClock.now.duration(to: session.leasesExpireBy)
            if remaining > max(duration, .zero) { return .success(body()) }
            // Past the deadline it is lost for good, also if an answer comes late and moves the deadline on. (Less left
            // than was asked for is no loss.)
            isLateNow = remaining <= .zero
            if policy == .onExpiry { return .failure(LockError(.unconfirmed, path: lockPath)) }
            if isLateNow { status = .lost(.deadlinePassed) }
            return .failure(LockError(.lost, path: lockPath, loss: .deadlinePassed))
        }
        if isLateNow {
            if policy == .onExpiry { sessionOverdue() } else { finish(.deadlinePassed) }
        }
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
                let isLate = status.withLock { status in
                    guard case .doubtful = status else { return false }
                    if ContinuousClock.now >= session.leasesExpireBy { return true }
                    status = .held
                    return false
                }
                if isLate { confirm() }
            case .failure(let error):
                if error.code == .noNode { return lose(.nodeDeleted) }
                // No answer to the question, for example because the server is overloaded.
                guard !session.state.isFinal else { return }
                Deadlines.shared.schedule(at: .now + session.timeout / 6) { [weak self] in self?.confirmIfDoubtful() }
            }
        }
    }

    private func confirmIfDoubtful() {
        let isDoubtful = status.withLock { status in
            if case .doubtful = status { return true }
            return false
        }
        if isDoubtful { confirm() }
    }
}
