// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// Gets a position in the queue, in whatever session there is, and waits for its turn.
///
/// A contender whose session is lost joins again at the end of the queue in the next session, within the same time.
struct Acquisition {
    let client: ZooKeeperClient
    let settings: ContenderSettings
    /// Shows the position in the queue, if the caller wants to see it.
    var position: QueuePosition?

    private var directory: ZNodePath { settings.directory }

    /// A lock that has been acquired.
    struct Holding {
        let contender: Contender
        let lease: LeaseCore
        /// Tells whether the removal of the node would be noticed.
        let isWatched: Bool
    }

    /// Waits for its turn: see ``wait(until:replacing:)``.
    ///
    /// - Parameter span: That of the acquisition.
    func join(
        until deadline: ContinuousClock.Instant?, replacing old: Holding?, _ span: ActiveSpan?
    ) async throws(LockError) -> Holding {
        var old = old
        while true {
            let session =
                if let old { old.lease.session } else { try await session(until: deadline) }
            // A place that is given up for a new one is the new contender's to remove, whatever happens.
            if old == nil { try await requireNoLeftover(in: session, until: deadline, span.map { .span($0) } ?? .none) }
            let contender = Contender(
                session: session, settings: settings, position: position, hasLimit: deadline != nil, mode: .wait,
                replacing: old?.lease.nodePath.name, span: span)
            old = nil
            switch await decision(of: contender, until: deadline) {
            case .granted(let lease, let isWatched):
                return Holding(contender: contender, lease: lease, isWatched: isWatched)
            case .failed(.sessionLost, _): continue
            case .failed(let reason, let error): throw failure(reason, error, of: contender)
            }
        }
    }

    /// Makes attempts until one has an outcome: see ``attempt(within:beside:)``.
    ///
    /// - Parameter span: That of the acquisition.
    func attempt(
        until deadline: ContinuousClock.Instant?, beside companion: LeaseCore?, _ span: ActiveSpan?
    ) async throws(LockError) -> Holding? {
        while true {
            let session: ZooKeeperSession
            if let companion {
                session = companion.session
            } else {
                session = try await deadline == nil ? currentSession() : self.session(until: deadline)
            }
            let contender = Contender(
                session: session, settings: settings, position: position, mode: .attempt,
                companion: companion?.nodePath.name, span: span)
            switch try await outcome(of: contender, until: deadline) {
            case .held(let holding): return holding
            case .taken: return nil
            case .interrupted(let error):
                if deadline == nil || companion?.session.isEnding == true { throw error }
            }
        }
    }

    /// The outcome of an attempt.
    private enum Outcome {
        case held(Holding)
        /// A participant holds it or waits for it.
        case taken
        /// The session, or its connection, was lost first.
        case interrupted(LockError)
    }

    private func outcome(
        of contender: Contender, until wanted: ContinuousClock.Instant?
    ) async throws(LockError) -> Outcome {
        // Nobody is waited for; this is for servers that do not answer.
        let limit = max(client.requestTimeout, contender.session.timeout)
        let deadline = wanted ?? ContinuousClock.now + limit
        try await requireNoLeftover(in: contender.session, until: deadline, contender.traceParent)
        switch await decision(of: contender, until: deadline) {
        case .granted(let lease, let isWatched):
            return .held(Holding(contender: contender, lease: lease, isWatched: isWatched))
        case .failed(.busy, _): return .taken
        case .failed(.timedOut, _):
            if wanted != nil { throw timedOut(contender, nil) }
            throw LockError(
                .unavailable, path: directory,
                underlying: ZooKeeperError(.connectionLoss, message: "no answer for \(limit)"))
        case .failed(let reason, let error):
            let failure = failure(reason, error, of: contender)
            if reason.isInterruption { return .interrupted(failure) }
            throw failure
        }
    }

    /// Fails if the queue contains a node of this client that the servers refuse to remove: it would be waited for.
    private func requireNoLeftover(
        in session: ZooKeeperSession, until deadline: ContinuousClock.Instant?, _ parent: TraceParent
    ) async throws(LockError) {
        while let leftover = session.janitor.leftover(in: directory) {
            // It may have been removed meanwhile. Without an answer in time, the caller hears what is known.
            let isThere = Promise<Bool>()
            _ = session.submit(
                Exists(leftover.path).makeRequest(), retry: .withinRequestTimeout,
                tracedBelow: parent
            ) { outcome in
                if case .failure(let error) = outcome, error.code == .noNode || error.code == .sessionLost {
                    isThere.fulfil(false)
                } else {
                    isThere.fulfil(true)
                }
            }
            switch await isThere.wait(until: deadline) {
            case .value(false): session.janitor.forget(leftover.path)
            case .cancelled: throw LockError(.cancelled, path: directory)
            case .value(true), .timedOut:
                throw LockError(.unavailable, path: directory, underlying: leftover.explanation)
            }
        }
    }

    private func decision(
        of contender: Contender, until deadline: ContinuousClock.Instant?
    ) async -> Contender.Decision {
        contender.start()
        let departure: ContenderMachine.Event
        switch await contender.decision.wait(until: deadline) {
        case .value(let decision): return decision
        case .timedOut: departure = .timedOut
        case .cancelled: departure = .cancelled
        }
        contender.leave(departure)
        // There at once, unless another thread is dealing with an answer right now: then as soon as it is done.
        switch await contender.decision.wait(isShielded: true) {
        case .value(.failed(let reason, let error)): return .failed(reason, error)
        case .value(.granted(let lease, _)):
            // The grant was faster, and has been released by leaving.
            _ = lease.close {}
            contender.endHolding()
        case .timedOut, .cancelled: break
        }
        return .failed(departure == .timedOut ? .timedOut(holder: nil) : .cancelled, nil)
    }

    /// The session in use, or the next one, if it comes within the client's time-outs.
    private func currentSession() async throws(LockError) -> ZooKeeperSession {
        do { return try await client.session() } catch { throw sessionFailure(error, code: .unavailable) }
    }

    /// The session in use, or the next one, however long that takes; if there never was one, as long as the client's
    /// settings say.
    private func session(until deadline: ContinuousClock.Instant?) async throws(LockError) -> ZooKeeperSession {
        while true {
            do {
                return try await client.session(until: deadline, patience: .seconds(1))
            } catch {
                let isLate = deadline.map { ContinuousClock.now >= $0 } ?? false
                // No session yet, but there was one and will be another.
                if error.code == .connectionLoss, !isLate { continue }
                throw sessionFailure(error, code: isLate ? .timedOut : .unavailable)
            }
        }
    }

    private func sessionFailure(_ error: ZooKeeperError, code: LockError.Code) -> LockError {
        // A caller that was cancelled is told that, whatever else happened then.
        let isCancelled = error.code == .cancelled || (error.code == .closed && Task.isCancelled)
        let isClosed = error.code == .closed
        return LockError(
            isCancelled ? .cancelled : isClosed ? .unavailable : code, path: directory, underlying: error)
    }

    /// The right that is missing, by the request that was refused.
    private func missingRight(_ error: ZooKeeperError) -> String {
        if error.operation == "get" {
            return """
                this client may not read a participant that it would have to wait for: the access control of that one's node \
                must give it READ
                """
        }
        if let path = error.path, error.operation == "create", ZNodePath(unchecked: path).parent != directory {
            return "\(path) does not exist, and this client may not create it: it needs CREATE on the node above it"
        }
        return """
            this client lacks a permission on the directory of the lock: to take part it needs READ, CREATE and DELETE there, \
            which the access control gives to others only
            """
    }

    private func timedOut(_ contender: Contender, _ holder: String?) -> LockError {
        var error = LockError(
            .timedOut, path: directory, holder: holder, foreignNode: contender.foreignNode,
            underlying: trouble(of: contender.session, isAnswered: holder != nil))
        let participant = holder.flatMap { contender.participant($0) }
        error.holderID = participant?.id
        error.holderSince = participant?.since
        return error
    }

    /// The trouble between a session and its servers, for a caller that has waited in vain; `nil` if there is none.
    private func trouble(of session: ZooKeeperSession, isAnswered: Bool) -> ZooKeeperError? {
        if !session.isUp {
            let findings = session.findings.map(\.description).joined(separator: "; ")
            return ZooKeeperError(
                .connectionLoss, message: "there is no connection" + (findings.isEmpty ? "" : ": \(findings)"))
        }
        if isAnswered { return nil }
        let server = session.server.map { " (\($0))" } ?? ""
        return ZooKeeperError(.timedOut, message: "the server\(server) has not answered in that time")
    }

    private func failure(
        _ reason: ContenderMachine.Reason, _ error: ZooKeeperError?, of contender: Contender
    ) -> LockError {
        switch reason {
        case .cancelled: LockError(.cancelled, path: directory)
        case .timedOut(let holder), .busy(let holder as String?): timedOut(contender, holder)
        case .mixedKinds(let node): LockError(.mixedKinds, path: directory, foreignNode: node)
        case .refused(let failure) where failure.code == .noAuth:
            LockError(
                .unavailable, path: directory,
                underlying: error.map { $0.saying(missingRight($0)) })
        case .sequenceExhausted: LockError(.sequenceExhausted, path: directory)
        case .sessionClosing where Task.isCancelled: LockError(.cancelled, path: directory)
        case .blocked: LockError(.unavailable, path: directory, underlying: error.map(Janitor.Leftover.explain))
        case .sessionLost, .sessionClosing, .createsLost, .refused:
            LockError(.unavailable, path: directory, underlying: error)
        }
    }
}

extension ContenderMachine.Reason {
    /// Tells whether an attempt may be made again at once: it has left nothing, and nobody has refused anything.
    fileprivate var isInterruption: Bool {
        switch self {
        case .sessionLost: true
        case .refused(let failure): failure.code == .connectionLoss
        default: false
        }
    }
}
