// SPDX-License-Identifier: Apache-2.0

package import Synchronization

/// A request whose answer is awaited: the only allocation a call makes besides its result.
///
/// It is finished exactly once, by whichever comes first: the server's answer, the cancellation of the task that waits,
/// or the end of the session. What comes later finds it finished and does nothing.
package final class PendingRequest: TransportRequest {
    package typealias Answer = Result<Response, ZooKeeperError>

    /// Hears the answer, if no task awaits it. Runs on the thread that finishes the request.
    package enum Observer: Sendable {
        case closure(@Sendable (Answer) -> Void)
        /// One for all requests of a pipeline, and the position of this one in it.
        case pipeline(any PipelineObserver, position: Int)

        fileprivate func hear(_ answer: Answer) {
            switch self {
            case .closure(let closure): closure(answer)
            case .pipeline(let observer, let position): observer.answered(answer, at: position)
            }
        }
    }

    private enum Phase {
        case open
        /// Leaves this place under the lock, so that it is resumed once.
        case awaited(SuspendedTask<Answer>)
        case finished(Answer)
    }

    private struct State {
        var phase = Phase.open
        /// Tells whether the request has been handed to the transport.
        var isIssued = false
        /// Let go of when it has been told: it may hold an object that holds this request.
        var observer: Observer?
        /// Ended when the request is finished.
        var span: ActiveSpan?
    }

    /// The sender of a request.
    package enum Purpose: Sendable {
        case caller
        /// The session itself, to know that the leader is there.
        case heartbeat
        /// The session itself, to know that a server is there, and whether the chroot is.
        case probe
        /// The session itself, because nobody holds a watch any more. Not to be sent if a caller wants the watch again
        /// when its turn comes.
        case watchRemoval
        /// The session itself, to know that the server of a new handle does not lag behind what this client has seen.
        case catchUp
        /// The session itself, to see whether the server has the watches that were set before a reconnect.
        case watchCheck
        /// The session itself, to set a watch again that an old handle had, or that the server has not.
        case watchRenewal
    }

    /// The treatment of a request whose connection is lost before the answer.
    package enum Retry: Sendable {
        /// It fails; the outcome is unknown.
        case never
        /// It is sent again, until the request time-out has passed since it was submitted.
        case withinRequestTimeout
        /// It waits for a connection, and is sent again, for as long as the session lives.
        case untilSessionEnds
    }

    /// The request as it goes to a server.
    package let request: ServerRequest
    package let purpose: Purpose
    /// The path as the caller knows it.
    package let path: ZNodePath?
    /// The watch that the request sets.
    package let watch: Watch?
    /// Tells that the path is not below the chroot.
    package let isOutsideChroot: Bool
    /// The moment at which the caller asked.
    package let submittedAt: Moment
    package let retry: Retry
    /// The slot in which the queue keeps it while it is under way. Used under the session's lock only.
    package let slot = Atomic(-1)
    /// The session, which gets the answer first.
    private let delegate: (any PendingRequestDelegate)?
    /// Hear when it is finished; `nil` if nobody measures.
    private let instruments: Instruments?
    private let state: Mutex<State>

    /// - Parameter chroot: Put in front of all paths of `request`.
    package init(
        _ request: Request,
        below chroot: ZNodePath,
        submittedAt: Moment,
        retry: Retry,
        purpose: Purpose = .caller,
        delegate: (any PendingRequestDelegate)?,
        instruments: Instruments? = nil,
        observer: Observer? = nil
    ) {
        self.request = request.rooted(at: chroot)
        self.path = request.path
        self.watch = request.watch
        self.isOutsideChroot = request.isOutsideChroot
        self.purpose = purpose
        self.submittedAt = submittedAt
        self.retry = retry
        self.delegate = delegate
        self.instruments = instruments
        self.state = Mutex(State(observer: observer))
    }

    /// Marks the request as handed over.
    ///
    /// - Returns: `false` if it is finished already, and so need not be sent.
    package func beginIssue() -> Bool {
        state.withLock { state in
            if case .finished = state.phase { return false }
            state.isIssued = true
            return true
        }
    }

    /// The request is waiting in this process again.
    package func takeBack() {
        state.withLock { state in state.isIssued = false }
    }

    /// Ends the call if it has not been handed over; then it never will be.
    package func withdraw() {
        finish { isIssued in isIssued ? nil : .failure(withdrawn) }
    }

    private var withdrawn: ZooKeeperError {
        ZooKeeperError(.cancelled, execution: .notSent, operation: request.action.name)
    }

    /// Passes the transport's answer to the session.
    package func answered(_ result: Result<ServerResponse, ResultFailure>) {
        delegate?.answered(self, with: result)
    }

    package var setsWatch: Bool { watch != nil }

    package var isFinished: Bool {
        state.withLock { state in
            if case .finished = state.phase { return true }
            return false
        }
    }

    /// Ends the call. Only the first time counts.
    package func finish(_ answer: Answer) {
        finish { _ in answer }
    }

    /// Ends the call with an error whose outcome says whether the request was sent.
    package func fail(_ code: ZooKeeperError.Code, message: String? = nil) {
        finish { isIssued in
            .failure(
                ZooKeeperError(
                    code, execution: isIssued ? .unknown : .notSent, path: path?.string, operation: request.action.name,
                    message: message))
        }
    }

    /// Ends the call when `limit` has passed, unless it has ended before.
    package func limit(to limit: Duration) -> Deadlines.Deadline {
        Deadlines.shared.schedule(at: .now + limit) { [self] in
            fail(.timedOut, message: "no answer within \(limit)")
        }
    }

    private func finish(_ makeAnswer: (_ isIssued: Bool) -> Answer?) {
        var waiting: SuspendedTask<Answer>?
        var observer: Observer?
        var span: ActiveSpan?
        let answer: Answer? = state.withLock { state in
            if case .finished = state.phase { return nil }
            guard let answer = makeAnswer(state.isIssued) else { return nil }
            observer = state.observer.take()
            span = state.span.take()
            if case .awaited(let task) = state.phase { waiting = task }
            state.phase = .finished(answer)
            return answer
        }
        guard let answer else { return }
        if let instruments {
            instruments.finished(request.action.operation, failure(in: answer), submittedAt: submittedAt, span)
        }
        waiting?.resume(returning: answer)
        observer?.hear(answer)
    }

    /// The error, if the answer is one: that a node does not exist is what an existence check asks.
    private func failure(in answer: Answer) -> ZooKeeperError? {
        guard case .failure(let error) = answer else { return nil }
        if case .exists = request.action, error.code == .noNode { return nil }
        return error
    }

    /// Ends `span` with the request: at once, if that is finished.
    package func attach(_ span: ActiveSpan) {
        let answer: Answer? = state.withLock { state in
            if case .finished(let answer) = state.phase { return answer }
            state.span = span
            return nil
        }
        guard let answer else { return }
        let error = failure(in: answer)
        span.end(with: error, kind: error?.code.description, message: error?.message)
    }

    /// Waits for the outcome. Cancelling the task ends the wait at once with the code `cancelled`; it takes nothing
    /// back that was sent. To be called once.
    package func answer(isolation: isolated (any Actor)? = #isolation) async -> Answer {
        await withTaskCancellationHandler {
            // Capturing the isolation keeps the wait on the caller's actor, which saves two hops and an allocation.
            await SuspendedTask.suspend(isolation: isolation) { task in
                let answer: Answer? = state.withLock { state in
                    if case .finished(let answer) = state.phase { return answer }
                    state.phase = .awaited(task)
                    return nil
                }
                if let answer { task.resume(returning: answer) }
            }
        } onCancel: {
            fail(.cancelled)
        }
    }
}

/// Takes the answers to the requests that it has made.
package protocol PendingRequestDelegate: AnyObject, Sendable {
    /// Takes the answer to a request, or the failure with which its connection was lost.
    func answered(_ pending: PendingRequest, with result: Result<ServerResponse, ResultFailure>)
}

/// Hears the answers to the requests of one pipeline.
package protocol PipelineObserver: AnyObject, Sendable {
    /// Takes the answer to the request at `position`, on the thread that finishes it.
    func answered(_ answer: PendingRequest.Answer, at position: Int)
}
