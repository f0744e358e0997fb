import ZooKeeper

/// Gets a place in line, in whatever session there is, and waits for its turn.
///
/// A contender whose session is lost joins again at the end of the line in the next session, within the same time.
struct Acquisition {
    let client: ZooKeeperClient
    let directory: ZNodePath
    let settings: ContenderSettings

    /// What was acquired.
    struct Holding {
        let contender: Contender
        let lease: LeaseCore
        /// Whether the removal of the node would be noticed.
        let isWatched: Bool
    }

    /// Waits until `deadline` at the latest; for ever if there is none.
    ///
    /// - Parameter old: What has been held until now, and whose place is given up for the new one.
    /// - Throws: ``LockError``: `timedOut`, `cancelled`, `sequenceExhausted`, `unavailable`.
    func wait(
        until deadline: ContinuousClock.Instant?, replacing old: Holding? = nil
    ) async throws(LockError) -> Holding {
        var old = old
        while true {
            let session =
                if let old { old.lease.session } else { try await session(until: deadline) }
            let contender = Contender(
                session: session, directory: directory, settings: settings, mode: .wait,
                replacing: old?.lease.nodePath.name)
            old = nil
            switch await outcome(of: contender, until: deadline) {
            case .granted(let lease, let isWatched):
                return Holding(contender: contender, lease: lease, isWatched: isWatched)
            case .failed(.sessionLost, _): continue
            case .failed(let reason, let error): throw failure(reason, error, of: contender)
            }
        }
    }

    /// Takes it if nobody has it and nobody waits for it; `nil` if somebody does.
    ///
    /// - Throws: ``LockError``: `cancelled`, `sequenceExhausted`, `unavailable`.
    func attempt() async throws(LockError) -> Holding? {
        let session = try await session(until: nil)
        return try await attempt(
            Contender(session: session, directory: directory, settings: settings, mode: .attempt))
    }

    private func attempt(_ contender: Contender) async throws(LockError) -> Holding? {
        switch await outcome(of: contender, until: nil) {
        case .granted(let lease, let isWatched):
            return Holding(contender: contender, lease: lease, isWatched: isWatched)
        case .failed(.busy, _): return nil
        case .failed(let reason, let error): throw failure(reason, error, of: contender)
        }
    }

    /// As ``attempt()``, in a session in which `companion`, another node of ours, stands in line and is not in the way.
    func attempt(beside companion: String, in session: ZooKeeperSession) async throws(LockError) -> Holding? {
        let contender = Contender(
            session: session, directory: directory, settings: settings, mode: .attempt, companion: companion)
        return try await attempt(contender)
    }

    private func outcome(
        of contender: Contender, until deadline: ContinuousClock.Instant?
    ) async -> Contender.Outcome {
        contender.start()
        let departure: ContenderMachine.Event
        switch await contender.outcome.wait(until: deadline) {
        case .value(let outcome): return outcome
        case .timedOut: departure = .timedOut
        case .cancelled: departure = .cancelled
        }
        contender.leave(departure)
        // There at once, unless another thread is dealing with an answer right now: then as soon as it is done.
        switch await contender.outcome.wait(isShielded: true) {
        case .value(.failed(let reason, let error)): return .failed(reason, error)
        case .value(.granted(let lease, _)):
            // The grant was faster, and has been given back by leaving.
            _ = lease.close {}
            contender.endHolding()
        case .timedOut, .cancelled: break
        }
        return .failed(departure == .timedOut ? .timedOut(holder: nil) : .cancelled, nil)
    }

    private func session(until deadline: ContinuousClock.Instant?) async throws(LockError) -> ZooKeeperSession {
        do {
            return try await client.session(until: deadline)
        } catch {
            switch error.code {
            case .cancelled: throw LockError(.cancelled, path: directory, underlying: error)
            case .closed: throw LockError(.unavailable, path: directory, underlying: error)
            default:
                let isLate = deadline.map { ContinuousClock.now >= $0 } ?? false
                throw LockError(isLate ? .timedOut : .unavailable, path: directory, underlying: error)
            }
        }
    }

    private func failure(
        _ reason: ContenderMachine.Reason, _ error: ZooKeeperError?, of contender: Contender
    ) -> LockError {
        switch reason {
        case .cancelled: LockError(.cancelled, path: directory)
        case .timedOut(let holder), .busy(let holder as String?):
            LockError(.timedOut, path: directory, holder: holder, stranger: contender.stranger)
        case .sequenceExhausted: LockError(.sequenceExhausted, path: directory)
        case .sessionLost, .refused:
            LockError(.unavailable, path: directory, underlying: error)
        }
    }
}
