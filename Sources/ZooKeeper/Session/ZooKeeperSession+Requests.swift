// How a request gets from a caller to the transport and its answer back.

import Synchronization

extension ZooKeeperSession {
    /// Replies that were finished under the lock; whoever waits for them is told after it.
    typealias Finished = [(reply: Reply, outcome: Reply.Outcome)]

    /// Issues one request, as soon as that is possible.
    package func submit(
        _ request: Request,
        priority: RequestGate.Priority = .normal,
        retry: Reply.Retry = .never,
        observer: (@Sendable (Reply.Outcome) -> Void)? = nil
    ) -> Reply {
        let reply = makeReply(request.rooted(at: settings.chroot), .now, retry, observer)
        submit(.single(reply), priority)
        return reply
    }

    /// Gives a request its place in the order, and calls nobody back: so it may be done under a lock.
    ///
    /// - Returns: Its reply, and what sends it; to be called at once, without the lock.
    package func prepare(_ request: Request) -> (reply: Reply, send: () -> Void) {
        let reply = makeReply(request.rooted(at: settings.chroot), .now, .never, nil)
        switch enter(.single(reply), .normal) {
        case .success(let departure): return (reply, { self.ship(departure) })
        case .failure(let error): return (reply, { reply.finish(.failure(self.located(error, reply))) })
        }
    }

    /// Issues several requests back to back: nothing comes between them, and they are executed in this order. All or,
    /// if one of them is not valid, none.
    package func submitFlight(
        _ requests: [Request],
        priority: RequestGate.Priority = .normal,
        retry: Reply.Retry = .never,
        observers: [@Sendable (Reply.Outcome) -> Void]? = nil
    ) -> [Reply] {
        let now = ContinuousClock.now
        let replies = requests.enumerated().map { index, request in
            makeReply(request.rooted(at: settings.chroot), now, retry, observers?[index])
        }
        submit(.flight(replies), priority)
        return replies
    }

    /// Lists the children of `directory` as of now: not older than what any server has committed.
    ///
    /// The list is behind a sync on the same connection. If the connection is lost between the two, the next one may be to a
    /// server that lags, and the sync has said nothing about that one: then the result is `connectionLoss`.
    ///
    /// - Parameter observer: Gets the names, and over which connection they came. Runs on the thread that brings the answer.
    package func submitSyncedList(
        of directory: ZNodePath, priority: RequestGate.Priority = .normal,
        observer: @escaping @Sendable (Result<[String], ZooKeeperError>, _ connection: Int) -> Void
    ) {
        let list = SyncedList(observer)
        _ = submitFlight(
            [Sync(directory).makeRequest(), GetChildren(directory).makeRequest()], priority: priority,
            retry: .untilSessionEnds,
            observers: [
                { [self] outcome in list.synced(outcome, connection) },
                { [self] outcome in list.listed(outcome, connection) },
            ])
    }

    /// - Parameter request: As the server sees it, with the chroot in front.
    func makeReply(
        _ request: Request, _ now: ContinuousClock.Instant, _ retry: Reply.Retry,
        _ observer: (@Sendable (Reply.Outcome) -> Void)?
    ) -> Reply {
        Reply(request, submittedAt: now, retry: retry, delegate: self, observer: observer)
    }

    private func submit(_ entry: RequestGate.Entry, _ priority: RequestGate.Priority) {
        switch enter(entry, priority) {
        case .success(let departure): ship(departure)
        case .failure(let error): entry.forEach { reply in reply.finish(.failure(located(error, reply))) }
        }
    }

    /// Puts an entry into the gate.
    ///
    /// - Returns: What is to be shipped now, by the caller.
    private func enter(
        _ entry: RequestGate.Entry, _ priority: RequestGate.Priority
    ) -> Result<Departure?, ZooKeeperError> {
        do {
            try entry.validate(limit: settings.maximumRequestLength)
            return .success(
                try core.withLock { core throws(ZooKeeperError) in try admit(entry, priority, &core) })
        } catch {
            return .failure(error)
        }
    }

    private func admit(
        _ entry: RequestGate.Entry, _ priority: RequestGate.Priority, _ core: inout Core
    ) throws(ZooKeeperError) -> Departure? {
        switch core.closing.phase {
        case .open, .retiring: break
        case .draining where priority == .urgent: break
        default: throw endError(core.machine.state, outcome: .notSent)
        }
        if core.isChrootMissing, priority == .normal { throw chrootError }
        try core.watches.reserve(for: entry)
        core.gate.append(entry, priority)
        if !core.gate.isOpen || core.gate.isHeld, core.expiry == nil { scheduleExpiry(&core) }
        // What is handed over now was not sent before it was asked for.
        return beginShipping(&core, at: entry.first?.submittedAt)
    }

    /// Tells whoever waits, outside the lock.
    func tell(_ finished: Finished) {
        for (reply, outcome) in finished { reply.finish(outcome) }
    }

    package func transport(answered reply: Reply, with result: Result<Response, ResultFailure>) {
        let code = result.code
        var finished: Finished = []
        var isRegistered = false
        var isFinished = false
        var isNews = false
        let departure: Departure? = core.withLock { core in
            guard let (sentAt, priority) = core.gate.settle(reply) else { return nil }
            if code.isAnswer {
                let byLeader = reply.request.isLeaderRoundTrip && code.provesLeader
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
            if code.isConnectionLoss, core.shouldRetry(reply, before: reply.submittedAt + settings.requestTimeout) {
                core.gate.appendAgain(reply, priority)
                if reply.retry == .withinRequestTimeout { scheduleEnd(of: reply, &core) }
            } else {
                if reply.request.watch != nil { isRegistered = core.watches.settle(reply.request, code) }
                if case .authenticate = reply.request.kind { core.hasCredentials = true }
                isFinished = true
                if !core.repeatedReads.isEmpty {
                    core.repeatedReads.removeValue(forKey: ObjectIdentifier(reply))?.cancel()
                }
            }
            let departure = beginShipping(&core)
            if core.closing.phase == .draining {
                finishCloseIfDrained(&core, &finished)
                isNews = true
            }
            return departure
        }
        ship(departure)
        if isRegistered { register(reply.request) }
        if isNews { deliverNotices() }
        if isFinished { reply.finish(outcome(of: reply, result)) }
        tell(finished)
    }

    /// A read that is sent again ends in time, also if the next server is as silent as the last.
    private func scheduleEnd(of reply: Reply, _ core: inout Core) {
        let key = ObjectIdentifier(reply)
        guard core.repeatedReads[key] == nil else { return }
        let end = reply.submittedAt + settings.requestTimeout
        core.repeatedReads[key] = Deadlines.shared.schedule(at: end) { [weak self, weak reply] in
            guard let self else { return }
            self.core.withLock { _ = $0.repeatedReads.removeValue(forKey: key) }
            guard let reply else { return }
            let error = ZooKeeperError(
                .connectionLoss, outcome: .unknown, message: "no answer for \(settings.requestTimeout)")
            reply.finish(.failure(located(error, reply)))
        }
    }

    private func outcome(of reply: Reply, _ result: Result<Response, ResultFailure>) -> Reply.Outcome {
        switch result {
        case .success(let response): .success(response.relative(to: settings.chroot))
        case .failure(let failure):
            .failure(located(failure.code.error, reply, failedOperation: failure.failedOperation))
        }
    }

    private func register(_ request: Request) {
        guard let registration = request.watch?.registration, let path = request.path else { return }
        registration.registered { [weak self] registration in self?.unregister(registration, at: path) }
    }

    /// Nobody holds a watch any more: takes it off the server.
    private func unregister(_ registration: WatchRegistration, at path: String) {
        let removable = core.withLock { $0.watches.remove(registration, at: path) }
        guard let removable, !PlantedBug.watchesStay.isPlanted else { return }
        var request = Request(.removeWatches(path: path, table: removable))
        request.isOnlyIfUnused = true
        let reply = makeReply(request, .now, .untilSessionEnds) { [weak self] _ in
            self?.core.withLock { $0.watches.removed(removable, at: path) }
        }
        submit(.single(reply), .urgent)
    }

    /// The error, with what is known of the request.
    func located(_ error: ZooKeeperError, _ reply: Reply, failedOperation: Int? = nil) -> ZooKeeperError {
        error.located { context in
            context.operation = context.operation ?? reply.request.name
            context.path = context.path ?? reply.request.path.map { settings.chroot.relative($0) }
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
    /// Whether a request whose connection was lost is to be sent again.
    fileprivate func shouldRetry(_ reply: Reply, before limit: ContinuousClock.Instant) -> Bool {
        guard !machine.state.isFinal, !reply.isFinished else { return false }
        return switch reply.retry {
        case .never: PlantedBug.writesAreRetried.isPlanted
        case .withinRequestTimeout:
            closing.phase <= .retiring && .now < limit && !PlantedBug.readsAreNotRetried.isPlanted
        case .untilSessionEnds: true
        }
    }
}

extension WatchTable {
    /// Makes room for all watches of an entry, or for none.
    fileprivate mutating func reserve(for entry: RequestGate.Entry) throws(ZooKeeperError) {
        switch entry {
        case .single(let reply): try reserve(for: reply.request)
        case .flight(let replies):
            for (index, reply) in replies.enumerated() {
                do { try reserve(for: reply.request) } catch {
                    for earlier in replies[..<index] { _ = settle(earlier.request, .closing) }
                    throw error
                }
            }
        }
    }
}

extension RequestGate.Entry {
    fileprivate func validate(limit: Int) throws(ZooKeeperError) {
        switch self {
        case .single(let reply): try reply.request.validate(limit: limit)
        case .flight(let replies):
            // Longer than the setting it goes alone; longer than this the C client closes the connection.
            guard replies.count <= RequestGate.hardLimit else {
                throw ZooKeeperError(
                    .invalidArgument,
                    message: "\(replies.count) requests in a flight, at most \(RequestGate.hardLimit) can go")
            }
            for reply in replies { try reply.request.validate(limit: limit) }
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
