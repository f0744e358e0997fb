// SPDX-License-Identifier: Apache-2.0

#if !THREAD_SANITIZER
public import Synchronization
#endif

/// A value that comes once, and any number of tasks and callbacks that wait for it.
///
/// Inlinable throughout: a promise is made and waited for several times in the life of one lock, and a generic that is
/// not specialised in the module that uses it looks up its metadata at each use.
@usableFromInline
package final class Promise<Value: Sendable>: Sendable {
    /// The end of a wait.
    @usableFromInline
    @frozen package enum Wait: Sendable {
        case value(Value)
        case timedOut
        case cancelled
    }

    @usableFromInline
    @frozen
    enum Waiter {
        case task(SuspendedTask<Wait>)
        case callback(@Sendable (Value) -> Void)
        /// Cancelled or timed out before it began to wait.
        case gone(Wait)
    }

    @usableFromInline
    @frozen
    struct State {
        @usableFromInline var value: Value?
        /// Those that wait, in the order in which they came; seldom more than two.
        @usableFromInline var waiters = ShortList<(id: Int, waiter: Waiter)>()
        @usableFromInline var nextID = 0

        @inlinable
        init() {}

        /// Takes a waiter out; `nil` if it is not there.
        @inlinable
        mutating func take(_ id: Int) -> Waiter? {
            waiters.takeFirst { $0.id == id }?.waiter
        }
    }

    @usableFromInline let state: Mutex<State>

    @inlinable
    package init() { state = Mutex(State()) }

    /// The value, if it has come.
    @inlinable package var current: Value? { state.withLock { $0.value } }

    /// Gives the value to everybody who waits or will wait. Only the first call counts.
    ///
    /// - Returns: `true` if this was the first call.
    @inlinable
    @discardableResult
    package func fulfil(_ value: Value) -> Bool {
        let waiters: ShortList<(id: Int, waiter: Waiter)>? = state.withLock { state in
            guard state.value == nil else { return nil }
            state.value = value
            defer { state.waiters = ShortList() }
            return state.waiters
        }
        guard let waiters else { return false }
        waiters.forEach { _, waiter in
            switch waiter {
            case .task(let task): task.resume(returning: .value(value))
            case .callback(let callback): callback(value)
            case .gone: break
            }
        }
        return true
    }

    /// Calls `callback` once, with the value: now, or on the thread that fulfils the promise.
    ///
    /// - Returns: The number for ``forget(_:)``.
    @inlinable
    @discardableResult
    package func whenFulfilled(_ callback: @escaping @Sendable (Value) -> Void) -> Int {
        let (id, value): (Int, Value?) = state.withLock { state in
            if state.value == nil { state.waiters.append((state.nextID, .callback(callback))) }
            defer { state.nextID += 1 }
            return (state.nextID, state.value)
        }
        if let value { callback(value) }
        return id
    }

    /// Does not call a callback, if it has not been called.
    @inlinable
    package func forget(_ id: Int) {
        // What is let go of may hold the last reference to something: not under the lock.
        _ = state.withLock { state in state.take(id) }
    }

    /// Waits for the value, until `deadline` or the cancellation of the task.
    ///
    /// - Parameter isShielded: Goes on waiting when the task is cancelled.
    @inlinable
    @discardableResult
    package func wait(
        until deadline: ContinuousClock.Instant? = nil,
        isShielded: Bool = false,
        isolation: isolated (any Actor)? = #isolation
    ) async -> Wait {
        let (id, value): (Int, Value?) = state.withLock { state in
            defer { state.nextID += 1 }
            return (state.nextID, state.value)
        }
        if let value { return .value(value) }
        let timer = deadline.map { deadline in
            Deadlines.shared.schedule(at: Moment(deadline)) { [self] in end(id, as: .timedOut) }
        }
        let outcome: Wait
        if isShielded {
            outcome = await suspend(id, isolation)
        } else {
            outcome = await withTaskCancellationHandler {
                await suspend(id, isolation)
            } onCancel: {
                end(id, as: .cancelled)
            }
        }
        timer?.cancel()
        // A timer or a cancellation that came too late has left its mark.
        if timer != nil || !isShielded { forget(id) }
        return outcome
    }

    @inlinable
    func suspend(_ id: Int, _ isolation: isolated (any Actor)?) async -> Wait {
        await SuspendedTask.suspend(isolation: isolation) { task in
            let outcome: Wait? = state.withLock { state in
                if let value = state.value { return .value(value) }
                if case .gone(let wait)? = state.take(id) { return wait }
                state.waiters.append((id, .task(task)))
                return nil
            }
            if let outcome { task.resume(returning: outcome) }
        }
    }

    @inlinable
    func end(_ id: Int, as wait: Wait) {
        let task: SuspendedTask<Wait>? = state.withLock { state in
            guard state.value == nil else { return nil }
            if case .task(let task)? = state.take(id) { return task }
            state.waiters.append((id, .gone(wait)))
            return nil
        }
        task?.resume(returning: wait)
    }
}
