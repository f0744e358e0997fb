import Synchronization

/// A value that comes once, and any number of tasks and callbacks that wait for it.
package final class Promise<Value: Sendable>: Sendable {
    /// The end of a wait.
    package enum Wait: Sendable {
        case value(Value)
        case timedOut
        case cancelled
    }

    private enum Waiter {
        case task(CheckedContinuation<Wait, Never>)
        case callback(@Sendable (Value) -> Void)
        /// Cancelled or timed out before it began to wait.
        case gone(Wait)
    }

    private struct State {
        var value: Value?
        var waiters: [Int: Waiter] = [:]
        var nextID = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// The value, if it has come.
    package var current: Value? { state.withLock { $0.value } }

    /// Gives the value to everybody who waits or will wait. Only the first call counts.
    ///
    /// - Returns: `true` if this was the first call.
    @discardableResult
    package func fulfil(_ value: Value) -> Bool {
        let waiters: [Int: Waiter]? = state.withLock { state in
            guard state.value == nil else { return nil }
            state.value = value
            defer { state.waiters = [:] }
            return state.waiters
        }
        guard let waiters else { return false }
        for (_, waiter) in waiters.sorted(by: { $0.key < $1.key }) {
            switch waiter {
            case .task(let continuation): continuation.resume(returning: .value(value))
            case .callback(let callback): callback(value)
            case .gone: break
            }
        }
        return true
    }

    /// Calls `callback` once, with the value: now, or on the thread that fulfils the promise.
    ///
    /// - Returns: The number for ``forget(_:)``.
    @discardableResult
    package func whenFulfilled(_ callback: @escaping @Sendable (Value) -> Void) -> Int {
        let (id, value): (Int, Value?) = state.withLock { state in
            if state.value == nil { state.waiters[state.nextID] = .callback(callback) }
            defer { state.nextID += 1 }
            return (state.nextID, state.value)
        }
        if let value { callback(value) }
        return id
    }

    /// Does not call a callback, if it has not been called.
    package func forget(_ id: Int) {
        state.withLock { state in _ = state.waiters.removeValue(forKey: id) }
    }

    /// Waits for the value, until `deadline` or the cancellation of the task.
    ///
    /// - Parameter isShielded: Goes on waiting when the task is cancelled.
    @discardableResult
    package func wait(
        until deadline: ContinuousClock.Instant? = nil,
        isShielded: Bool = false,
        isolation: isolated (any Actor)? = #isolation
    ) async -> Wait {
        let id = state.withLock { state in
            defer { state.nextID += 1 }
            return state.nextID
        }
        let timer = deadline.map { deadline in
            Deadlines.shared.schedule(at: deadline) { [weak self] in self?.end(id, as: .timedOut) }
        }
        let outcome = await withTaskCancellationHandler {
            _ = isolation
            return await withCheckedContinuation { continuation in
                begin(id, continuation)
            }
        } onCancel: {
            if !isShielded { end(id, as: .cancelled) }
        }
        timer?.cancel()
        // A timer or a cancellation that came too late has left its mark.
        state.withLock { state in _ = state.waiters.removeValue(forKey: id) }
        return outcome
    }

    private func begin(_ id: Int, _ continuation: CheckedContinuation<Wait, Never>) {
        let outcome: Wait? = state.withLock { state in
            if let value = state.value { return .value(value) }
            if case .gone(let wait) = state.waiters[id] { return wait }
            state.waiters[id] = .task(continuation)
            return nil
        }
        if let outcome { continuation.resume(returning: outcome) }
    }

    private func end(_ id: Int, as wait: Wait) {
        let continuation: CheckedContinuation<Wait, Never>? = state.withLock { state in
            guard state.value == nil else { return nil }
            if case .task(let continuation) = state.waiters.removeValue(forKey: id) { return continuation }
            state.waiters[id] = .gone(wait)
            return nil
        }
        continuation?.resume(returning: wait)
    }
}
