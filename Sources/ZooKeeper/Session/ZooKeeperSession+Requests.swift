// How a request gets from a caller to the transport and its answer back.

import Synchronization

extension ZooKeeperSession: PendingRequestDelegate {
    /// Requests that were finished under the lock; their callers are told after it.
    typealias Finished = [(pending: PendingRequest, outcome: PendingRequest.Answer)]

    /// Issues one request, as soon as that is possible.
    package func submit(
        _ request: Request,
        priority: RequestQueue.Priority = .normal,
        retry: PendingRequest.Retry = .never,
        observer: (@Sendable (PendingRequest.Answer) -> Void)? = nil
    ) -> PendingRequest {
        let pending = makePending(request, .now, retry, observer)
        submit(.single(pending), priority)
        return pending
    }

    /// Gives a request its place in the order, and calls nobody back: so it may be done under a lock.
    ///
    /// - Returns: The pending request, and what sends it; to be called at once, without the lock.
    package func prepare(_ request: Request) -> (pending: PendingRequest, send: () -> Void) {
        let pending = makePending(request, .now, .never, nil)
        switch enter(.single(pending), .normal) {
        case .success(let batch): return (pending, { self.send(batch) })
        case .failure(let error): return (pending, { pending.finish(.failure(self.located(error, pending))) })
        }
    }

    /// Issues several requests back to back: nothing comes between them, and they are executed in this order. All or,
    /// if one of them is not valid, none.
    package func submitPipeline(
        _ requests: [Request],
        priority: RequestQueue.Priority = .normal,
        retry: PendingRequest.Retry = .never,
        observers: [@Sendable (PendingRequest.Answer) -> Void]? = nil
    ) -> [PendingRequest] {
        let now = ContinuousClock.now
        let pendingRequests = requests.enumerated().map { index, request in
            makePending(request, now, retry, observers?[index])
        }
        submit(.pipeline(pendingRequests), priority)
        return pendingRequests
    }

    /// Lists the children of `directory` as of now: not older than what any server has committed.
    ///
    /// The list is behind a sync on the same connection. If the connection is lost between the two, the next one may
    /// be to a server that lags, and the sync has said nothing about that one: then the result is `connectionLoss`.
    ///
    /// - Parameter observer: Gets the names, and over which connection they came. Runs on the thread that brings the
    ///   answer.
    package func submitSyncedList(
        of directory: ZNodePath, priority: RequestQueue.Priority = .normal,
        observer: @escaping @Sendable (Result<ChildNames, ZooKeeperError>, _ connection: Int) -> Void
    ) {
        let list = SyncedList(observer)
        _ = submitPipeline(
            [Sync(directory).makeRequest(), GetChildren(directory).makeRequest()], priority: priority,
            retry: .untilSessionEnds,
            observers: [
                { [self] outcome in list.synced(outcome, connection) },
                { [self] outcome in list.listed(outcome, connection) },
            ])
    }

    func makePending(
        _ request: Request, _ now: ContinuousClock.Instant, _ retry: PendingRequest.Retry,
        _ observer: (@Sendable (PendingRequest.Answer) -> Void)?
    ) -> PendingRequest {
        PendingRequest(
            request, below: settings.chroot, submittedAt: now, retry: retry, delegate: self, observer: observer)
    }

    private func submit(_ entry: RequestQueue.Entry, _ priority: RequestQueue.Priority) {
        switch enter(entry, priority) {
        case .success(let batch): send(batch)
        case .failure(let error): entry.forEach { pending in pending.finish(.failure(located(error, pending))) }
        }
    }

    /// Puts an entry into the queue.
    ///
    /// - Returns: The batch that the caller is to send now.
    private func enter(
        _ entry: RequestQueue.Entry, _ priority: RequestQueue.Priority
    ) -> Result<Batch?, ZooKeeperError> {
        do {
            try entry.validate(limit: settings.maximumRequestLength)
            return .success(
                try core.withLock { core throws(ZooKeeperError) in try admit(entry, priority, &core) })
        } catch {
            return .failure(error)
        }
    }

    private func admit(
        _ entry: RequestQueue.Entry, _ priority: RequestQueue.Priority, _ core: inout Core
    ) throws(ZooKeeperError) -> Batch? {
        switch core.closing.phase {
        case .open, .retiring: break
        case .draining where priority == .urgent: break
        default: throw endError(core.machine.state, execution: .notSent)
        }
        if core.isChrootMissing, priority == .normal { throw chrootError }
        try core.watches.reserve(for: entry)
        core.queue.append(entry, priority)
        if !core.queue.isOpen || core.queue.isHeld, core.expiry == nil { scheduleExpiry(&core) }
        // What is handed over now was not sent before it was asked for.
        return beginSending(&core, at: entry.first?.submittedAt)
    }

    /// Gives the answers to the callers. Not to be called under the lock.
    func complete(_ finished: Finished) {
        for (pending, outcome) in finished { pending.finish(outcome) }
    }

    package func answered(_ pending: PendingRequest, with result: Result<ServerResponse, ResultFailure>) {
        let code = result.code
        var finished: Finished = []
        var isRegistered = false
        var isFinished = false
        var isNews = false
        let batch: Batch? = core.withLock { core in
            guard let (sentAt, priority) = core.queue.finish(pending) else { return nil }
            if code.isAnswer {
                let byLeader = pending.request.action.isLeaderRoundTrip && code.provesLeader
                let effects = core.machine.answered(sentAt: sentAt, byLeader: byLeader, at: .now)
                if byLeader {
                    publishLeaseDeadline(core)
                    // If leases were overdue, their new deadline has no timer yet.
                    scheduleTick(&core)
                }
                if !effects.isEmpty {
                    apply(effects, at: .now, &core, &finished)
                    scheduleTick(&core)
                    isNews = true
                }
            }
            if code == .authenticationRequired {
                // The server closes the session behind this answer.
                apply(core.machine.handle(.authenticationFailed, at: .now), at: .now, &core, &finished)
                isNews = true
            }
            if code.isConnectionLoss, core.shouldRetry(pending, before: pending.submittedAt + settings.requestTimeout) {
                core.queue.appendAgain(pending, priority)
                if pending.retry == .withinRequestTimeout { scheduleEnd(of: pending, &core) }
            } else {
                if pending.setsWatch { isRegistered = core.watches.finish(pending, code) }
                if pending.request.action.isAuthentication { core.hasCredentials = true }
                isFinished = true
                if !core.repeatedReads.isEmpty {
                    core.repeatedReads.removeValue(forKey: ObjectIdentifier(pending))?.cancel()
                }
            }
            let batch = beginSending(&core)
            if core.closing.phase == .draining {
                finishCloseIfDrained(&core, &finished)
                isNews = true
            }
            return batch
        }
        send(batch)
        if isRegistered { register(pending) }
        if isNews { deliverNotices() }
        if isFinished { pending.finish(outcome(of: pending, result)) }
        complete(finished)
    }

    /// A read that is sent again ends in time, also if the next server is as silent as the last.
    private func scheduleEnd(of pending: PendingRequest, _ core: inout Core) {
        let key = ObjectIdentifier(pending)
        guard core.repeatedReads[key] == nil else { return }
        let end = pending.submittedAt + settings.requestTimeout
        core.repeatedReads[key] = Deadlines.shared.schedule(at: end) { [weak self, weak pending] in
            guard let self else { return }
            self.core.withLock { _ = $0.repeatedReads.removeValue(forKey: key) }
            guard let pending else { return }
            let error = ZooKeeperError(
                .connectionLoss, execution: .unknown, message: "no answer for \(settings.requestTimeout)")
            pending.finish(.failure(located(error, pending)))
        }
    }

    private func outcome(
        of pending: PendingRequest, _ result: Result<ServerResponse, ResultFailure>
    ) -> PendingRequest.Answer {
        switch result {
        case .success(let response): .success(Response(response.relative(to: settings.chroot)))
        case .failure(let failure):
            .failure(located(failure.code.error, pending, failedOperation: failure.failedOperation))
        }
    }

    private func register(_ pending: PendingRequest) {
        guard let registration = pending.watch?.registration, let path = pending.request.path else { return }
        var removal = Request(pending.path ?? .root, .removeWatches(.children))
        removal.isOutsideChroot = pending.isOutsideChroot
        removal.isOnlyIfUnused = true
        registration.registered { [weak self, removal] registration in
            self?.unregister(registration, at: path, removal)
        }
    }

    /// Nobody holds a watch any more: takes it off the server.
    private func unregister(_ registration: WatchRegistration, at path: ServerPath, _ removal: Request) {
        let removable = core.withLock { $0.watches.remove(registration, at: path) }
        guard let removable, !PlantedBug.watchesStay.isPlanted else { return }
        var removal = removal
        removal.action = .removeWatches(removable)
        let pending = makePending(removal, .now, .untilSessionEnds) { [weak self] _ in
            self?.core.withLock { $0.watches.removed(removable, at: path) }
        }
        submit(.single(pending), .urgent)
    }

    /// The error, with what is known of the request.
    func located(_ error: ZooKeeperError, _ pending: PendingRequest, failedOperation: Int? = nil) -> ZooKeeperError {
        error.located { context in
            context.operation = context.operation ?? pending.request.action.name
            context.path = context.path ?? pending.path?.string
            context.failedOperation = context.failedOperation ?? failedOperation
            context.generation = generation
        }
    }

    var chrootError: ZooKeeperError {
        ZooKeeperError(
            .chrootNotFound, message: "the chroot \(settings.chroot) does not exist; create it with another client")
    }
}

extension ZooKeeperSession.Core {
    /// Tells whether a request whose connection was lost is to be sent again.
    fileprivate func shouldRetry(_ pending: PendingRequest, before limit: ContinuousClock.Instant) -> Bool {
        guard !machine.state.isFinal, !pending.isFinished else { return false }
        return switch pending.retry {
        case .never: PlantedBug.writesAreRetried.isPlanted
        case .withinRequestTimeout:
            closing.phase <= .retiring && .now < limit && !PlantedBug.readsAreNotRetried.isPlanted
        case .untilSessionEnds: true
        }
    }
}

extension WatchTable {
    /// Makes room for all watches of an entry, or for none.
    fileprivate mutating func reserve(for entry: RequestQueue.Entry) throws(ZooKeeperError) {
        switch entry {
        case .single(let pending): if pending.setsWatch { try reserve(for: pending.request) }
        case .pipeline(let pendingRequests):
            for (index, pending) in pendingRequests.enumerated() where pending.setsWatch {
                do { try reserve(for: pending.request) } catch {
                    for earlier in pendingRequests[..<index] { finish(earlier, .closing) }
                    throw error
                }
            }
        }
    }

    /// Registers the watch of an answered request, or forgets it.
    ///
    /// - Returns: `true` if there is one, and it is registered now.
    @discardableResult
    mutating func finish(_ pending: PendingRequest, _ code: ResultCode) -> Bool {
        guard let registration = pending.watch?.registration else { return false }
        return finish(pending.request, registration, code)
    }
}

extension RequestQueue.Entry {
    fileprivate func validate(limit: Int) throws(ZooKeeperError) {
        switch self {
        case .single(let pending): try pending.request.validate(limit: limit)
        case .pipeline(let pendingRequests):
            // Longer than the setting it goes alone; longer than this the C client closes the connection.
            guard pendingRequests.count <= RequestQueue.hardLimit else {
                throw ZooKeeperError(
                    .invalidArgument,
                    message: "\(pendingRequests.count) requests in a pipeline, at most \(RequestQueue.hardLimit) can go"
                )
            }
            for pending in pendingRequests { try pending.request.validate(limit: limit) }
        }
    }
}

extension Result where Failure == ResultFailure {
    fileprivate var code: ResultCode {
        switch self {
        case .success: .ok
        case .failure(let failure): failure.code
        }
    }
}
