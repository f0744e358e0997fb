// SPDX-License-Identifier: Apache-2.0

/// A suspended task, to be resumed exactly once.
///
/// Spares the allocation that `CheckedContinuation` makes for each wait.
///
/// Safe as long as ``resume(returning:)`` is called once: its owner takes it out of its place under a lock before
/// resuming it, so that no second thread finds it there.
@usableFromInline
@safe @frozen package struct SuspendedTask<Value: Sendable>: Sendable {
    @usableFromInline let continuation: UnsafeContinuation<Value, Never>

    /// Suspends the current task and hands it to `body`, which keeps it or resumes it.
    @inlinable
    @inline(__always)
    package static func suspend(
        isolation: isolated (any Actor)?, _ body: (SuspendedTask) -> Void
    ) async -> Value {
        await unsafe withUnsafeContinuation(isolation: isolation) { continuation in
            unsafe body(SuspendedTask(continuation: continuation))
        }
    }

    @inlinable
    @inline(__always)
    init(continuation: UnsafeContinuation<Value, Never>) {
        unsafe self.continuation = unsafe continuation
    }

    /// Resumes the task. To be called once.
    @inlinable
    @inline(__always)
    package func resume(returning value: Value) {
        unsafe continuation.resume(returning: value)
    }
}
