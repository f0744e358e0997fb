// SPDX-License-Identifier: Apache-2.0

// How a request gets from a caller into the session.

import Synchronization

extension ZooKeeperSession {
    /// Issues one request, as soon as that is possible.
    ///
    /// - Parameter parent: The span that the request's is a child of.
    package func submit(
        _ request: Request,
        priority: RequestQueue.Priority = .normal,
        retry: PendingRequest.Retry = .never,
        tracedBelow parent: TraceParent = .none,
        observer: (@Sendable (PendingRequest.Answer) -> Void)? = nil
    ) -> PendingRequest {
        let pending = makePending(request, .now, retry, observer.map { .closure($0) })
        trace(pending, request, below: parent)
        submit(.single(pending), priority)
        return pending
    }

    /// Gives a request its place in the order, and calls nobody back: so it may be done under a lock.
    ///
    /// - Returns: The pending request, and what sends it; to be called at once, without the lock, by the task that waits.
    package func prepare(_ request: Request) -> (pending: PendingRequest, send: () -> Void) {
        let pending = makePending(request, .now, .never, nil)
        let effects = enter(.single(pending), .normal)
        return (
            pending,
            {
                self.trace(pending, request, below: .currentTask)
                var effects = effects
                self.carryOut(&effects)
            }
        )
    }

    /// Issues several requests back to back: nothing comes between them, and they are executed in this order. All or,
    /// if one of them is not valid, none.
    ///
    /// - Parameter parent: The span that those of the requests are children of.
    package func submitPipeline(
        _ requests: [Request],
        priority: RequestQueue.Priority = .normal,
        retry: PendingRequest.Retry = .never,
        tracedBelow parent: TraceParent = .none,
        observer: (any PipelineObserver)? = nil
    ) -> [PendingRequest] {
        let now = Moment.now
        let pendingRequests = requests.indices.map { position in
            makePending(requests[position], now, retry, observer.map { .pipeline($0, position: position) })
        }
        if instruments != nil {
            for (pending, request) in zip(pendingRequests, requests) { trace(pending, request, below: parent) }
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
        _ = submitPipeline(
            [Sync(directory).makeRequest(), GetChildren(directory).makeRequest()], priority: priority,
            retry: .untilSessionEnds, observer: SyncedListObserver(self, SyncedList(observer)))
    }

    private func makePending(
        _ request: Request, _ now: Moment, _ retry: PendingRequest.Retry,
        _ observer: PendingRequest.Observer?
    ) -> PendingRequest {
        PendingRequest(
            request, below: settings.chroot, submittedAt: now, retry: retry, delegate: self, instruments: instruments,
            observer: observer)
    }

    /// Begins the span of a request, which ends with it.
    private func trace(_ pending: PendingRequest, _ request: Request, below parent: TraceParent) {
        guard let span = instruments?.begin(request, parent, to: server) else { return }
        pending.attach(span)
    }

    private func submit(_ entry: RequestQueue.Entry, _ priority: RequestQueue.Priority) {
        var effects = enter(entry, priority)
        carryOut(&effects)
    }

    /// Puts an entry into the queue.
    ///
    /// - Returns: What follows from that, to be carried out by the caller.
    private func enter(_ entry: RequestQueue.Entry, _ priority: RequestQueue.Priority) -> SessionEffects {
        var effects = SessionEffects()
        do {
            try entry.validate(limit: settings.maximumRequestLength)
            let result: Result<Void, ZooKeeperError> = decide(&effects) { core, effects in
                Result { () throws(ZooKeeperError) in try core.admit(entry, priority, &effects) }
            }
            try result.get()
        } catch {
            entry.forEach { pending in effects.finished.append((pending, failure(error, of: pending))) }
        }
        return effects
    }

    private func failure(_ error: ZooKeeperError, of pending: PendingRequest) -> PendingRequest.Answer {
        read { $0.failure(error, of: pending) }
    }

    /// The error of a request to a session that is over, in `state`.
    func endError(_ state: SessionState, execution: ZooKeeperError.Execution) -> ZooKeeperError {
        SessionCore.endError(state, execution: execution)
    }
}

/// Tells a list behind a sync what is answered over which connection, which only changes on the thread that brings answers.
private final class SyncedListObserver: PipelineObserver {
    private let session: ZooKeeperSession
    private let list: SyncedList

    init(_ session: ZooKeeperSession, _ list: SyncedList) {
        self.session = session
        self.list = list
    }

    func answered(_ answer: PendingRequest.Answer, at position: Int) {
        if position == 0 {
            list.synced(answer, session.connection)
        } else {
            list.listed(answer, session.connection)
        }
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
