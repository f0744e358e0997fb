package import Synchronization

/// The answer to one request: the only allocation a call makes besides its result.
///
/// It is finished exactly once, by whichever comes first: the server's answer, the cancellation of the task that waits,
/// or the end of the session. What comes later finds it finished and does nothing.
///
/// C gets an unretained pointer to it. The session that issued it keeps it alive until C has answered or the handle is
/// closed, and for ever if the handle cannot be closed; so that pointer is valid whenever C uses it.
package final class Reply: Sendable {
    package typealias Outcome = Result<Response, ZooKeeperError>

    /// Safe: the continuation leaves `awaited` under the lock, and is resumed by whoever took it out.
    @safe private enum Phase {
        case open
        case awaited(UnsafeContinuation<Outcome, Never>)
        case finished(Outcome)
    }

    private struct State {
        var phase = Phase.open
        /// Whether the request has been handed to the transport.
        var isIssued = false
        /// What the transport needs to keep as long as the request is under way.
        var attachment: (any AnyObject & Sendable)?
        var noted: ResultCode?
        /// Who hears the outcome, if no task awaits it. Runs on the thread that finishes the reply. Let go of when it has
        /// been told: it may hold whoever holds this reply.
        var observer: (@Sendable (Outcome) -> Void)?
    }

    /// What becomes of a request whose connection is lost before the answer.
    package enum Retry: Sendable {
        /// It fails; the outcome is unknown.
        case never
        /// It is sent again, until the request time-out has passed since it was submitted.
        case withinRequestTimeout
        /// It waits for a connection, and is sent again, for as long as the session lives.
        case untilSessionEnds
    }

    package let request: Request
    /// When the caller asked.
    package let submittedAt: ContinuousClock.Instant
    package let retry: Retry
    /// Where the session keeps it while it is under way. Used under the session's lock only.
    package let slot = Atomic(-1)
    /// Who hears the answer first: the session.
    private let delegate: (any SessionTransportDelegate)?
    private let state: Mutex<State>

    package init(
        _ request: Request,
        submittedAt: ContinuousClock.Instant,
        retry: Retry,
        delegate: (any SessionTransportDelegate)?,
        observer: (@Sendable (Outcome) -> Void)? = nil
    ) {
        self.request = request
        self.submittedAt = submittedAt
        self.retry = retry
        self.delegate = delegate
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
        ZooKeeperError(.cancelled, outcome: .notSent, operation: request.name)
    }

    /// Keeps `attachment` for as long as this object lives.
    package func attach(_ attachment: some AnyObject & Sendable) {
        state.withLock { state in state.attachment = attachment }
    }

    /// Notes a partial result; the last one counts.
    package func note(_ code: ResultCode) {
        state.withLock { state in state.noted = code }
    }

    package var noted: ResultCode? { state.withLock { state in state.noted } }

    /// The transport has the answer: passes it to the session.
    package func answered(_ result: Result<Response, ResultFailure>) {
        delegate?.transport(answered: self, with: result)
    }

    package var isFinished: Bool {
        state.withLock { state in
            if case .finished = state.phase { return true }
            return false
        }
    }

    /// Whether somebody waits for the outcome right now.
    package var isAwaited: Bool {
        state.withLock { state in
            if case .awaited = state.phase { return true }
            return false
        }
    }

    /// Ends the call. Only the first time counts.
    package func finish(_ outcome: Outcome) {
        finish { _ in outcome }
    }

    /// Ends the call with an error whose outcome says whether the request was sent.
    package func fail(_ code: ZooKeeperError.Code, message: String? = nil) {
        finish { isIssued in
            .failure(
                ZooKeeperError(
                    code, outcome: isIssued ? .unknown : .notSent, path: request.path, operation: request.name,
                    message: message))
        }
    }

    private func finish(_ makeOutcome: (_ isIssued: Bool) -> Outcome?) {
        var continuation: UnsafeContinuation<Outcome, Never>?
        var observer: (@Sendable (Outcome) -> Void)?
        let outcome: Outcome? = state.withLock { state in
            if case .finished = state.phase { return nil }
            guard let outcome = makeOutcome(state.isIssued) else { return nil }
            observer = state.observer.take()
            if case .awaited(let waiting) = state.phase {
                unsafe continuation = waiting
                // Left there, it is resumed again by the next who finishes.
                if PlantedBug.repliesFinishTwice.isPlanted { return outcome }
            }
            state.phase = .finished(outcome)
            return outcome
        }
        guard let outcome else { return }
        // The phase left `awaited` under the lock, so the continuation is resumed once.
        unsafe continuation?.resume(returning: outcome)
        observer?(outcome)
    }

    /// Waits for the outcome. Cancelling the task ends the wait at once with the code `cancelled`; it takes nothing
    /// back that was sent. To be called once.
    package func outcome(isolation: isolated (any Actor)? = #isolation) async -> Outcome {
        await withTaskCancellationHandler {
            // Capturing the isolation keeps the wait on the caller's actor, which saves two hops and an allocation.
            _ = isolation
            return await unsafe withUnsafeContinuation { continuation in
                let outcome: Outcome? = state.withLock { state in
                    if case .finished(let outcome) = state.phase { return outcome }
                    unsafe state.phase = .awaited(continuation)
                    return nil
                }
                if let outcome { unsafe continuation.resume(returning: outcome) }
            }
        } onCancel: {
            fail(.cancelled)
        }
    }
}
