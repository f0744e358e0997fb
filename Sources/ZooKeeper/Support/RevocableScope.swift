// SPDX-License-Identifier: Apache-2.0

import Synchronization

// A body that other code may cancel, without cancelling its caller.
//
// The body need not be Sendable, does not escape, and runs in the caller's isolation. It runs in a child task of its
// own, so that cancelling it leaves the caller alone.

/// Cancels the body of one scope, from any thread and at any moment.
package final class BodyCancellation: Sendable {
    private struct State {
        var isCancelled = false
        var task: RunningTask?
        /// Tells whether the body's task is being cancelled right now: it must not end before that is over.
        var isCancelling = false
        /// Resumed when it is over.
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    package init() {}

    package var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// Cancels the body, now or as soon as it starts. Only the first call counts.
    ///
    /// Returns at once: cancellation handlers in the body are the user's code, so they run on other threads and delay
    /// neither the caller nor, for longer than a moment, other cancellations.
    package func cancel() {
        let task: RunningTask? = state.withLock { state in
            guard !state.isCancelled else { return nil }
            state.isCancelled = true
            state.isCancelling = state.task != nil
            return state.task
        }
        guard let task else { return }
        CancellationThreads.shared.run { [self] in
            task.cancel()
            let waiting = state.withLock { state in
                state.isCancelling = false
                defer { state.waiting = nil }
                return state.waiting
            }
            waiting?.resume()
        }
    }

    fileprivate func begin(_ task: RunningTask) {
        let isCancelled = state.withLock { state in
            state.task = task
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
    }

    /// Forgets the body's task, which may end after this returned.
    fileprivate func end(isolation: isolated (any Actor)?) async {
        let isCancelling = state.withLock { state in
            state.task = nil
            return state.isCancelling
        }
        guard isCancelling else { return }
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.isCancelling { state.waiting = continuation }
                return !state.isCancelling
            }
            if isOver { continuation.resume() }
        }
    }
}

/// The identity of a task: equal for two moments of the same task, as long as that task lives.
///
/// Safe: of the task, only its identity is used and `cancel`, which may be called from any thread while the task lives;
/// ``BodyCancellation/end(isolation:)`` keeps it alive until a call under way has returned.
@safe package struct RunningTask: @unchecked Sendable, Equatable {
    private let task: UnsafeCurrentTask

    /// The task that calls; `nil` outside of any.
    package static var current: RunningTask? {
        unsafe withUnsafeCurrentTask { task in unsafe task.map { unsafe RunningTask(task: $0) } }
    }

    private init(task: UnsafeCurrentTask) { unsafe self.task = task }

    fileprivate func cancel() { unsafe task.cancel() }

    package static func == (left: RunningTask, right: RunningTask) -> Bool {
        unsafe left.task == right.task
    }
}

/// The relation between the task that runs a scope's body and the one that waits for it meanwhile: so that what holds
/// for the one can hold for the other, and for no third.
///
/// It is inherited by every task that is started inside a scope.
package final class ScopeLineage: Sendable {
    @TaskLocal private static var current: ScopeLineage?

    private let owner: ObjectIdentifier?
    /// The lock that is held for the scope's body, in the form that its recipe knows.
    package let content: (any Sendable)?
    private let parent: RunningTask
    private let child: RunningTask
    private let outer: ScopeLineage?
    /// Closed when the body has ended, since other tasks may get these identities then.
    private let isOpen = Atomic(true)

    private init(
        owner: ObjectIdentifier?, content: (any Sendable)?, parent: RunningTask, child: RunningTask
    ) {
        self.owner = owner
        self.content = content
        self.parent = parent
        self.child = child
        self.outer = Self.current
    }

    /// Finds something in the scopes around the current task, the innermost first, those in which it was started and
    /// which have ended among them.
    ///
    /// - Returns: The first result of `find` that is not `nil`.
    package static func first<Result>(_ find: (ScopeLineage) -> Result?) -> Result? {
        var lineage = current
        while let scope = lineage {
            if let result = find(scope) { return result }
            lineage = scope.outer
        }
        return nil
    }

    /// Tells whether it is the current task that runs the body of this scope, perhaps in a scope inside of it. As long
    /// as the scope is open, no other task has the identity of the one that does.
    package var isRunByCurrentTask: Bool { Self.leads(to: child) }

    /// Tells whether the current task is `task`, or runs the body of a scope for it, or for one that does.
    private static func leads(to task: RunningTask) -> Bool {
        guard var found = RunningTask.current else { return false }
        var lineage = current
        while found != task {
            // A task that was started inside the body has inherited the lineage, but is not the one in it.
            guard let step = lineage, step.isOpen.load(ordering: .acquiring), step.child == found else { return false }
            found = step.parent
            lineage = step.outer
        }
        return true
    }

    /// Tells whether the current task runs in a scope of `owner` that has not ended, or was started in one.
    package static func isInside(_ owner: ObjectIdentifier) -> Bool {
        first { scope in scope.owner == owner && scope.isOpen.load(ordering: .acquiring) ? true : nil } ?? false
    }

    fileprivate static func extended<Success: Sendable>(
        of owner: ObjectIdentifier?, _ content: (any Sendable)?, from parent: RunningTask?, to child: RunningTask?,
        isolation: isolated (any Actor)?,
        _ body: @Sendable () async throws -> Success
    ) async throws -> Success {
        guard let parent, let child else { return try await body() }
        let lineage = ScopeLineage(owner: owner, content: content, parent: parent, child: child)
        defer { lineage.isOpen.store(false, ordering: .releasing) }
        // A closure that captures the isolation stays in it; `body` itself, as a value, would be taken out of it.
        return try await $current.withValue(
            lineage,
            operation: {
                _ = isolation
                return try await body()
            }, isolation: isolation)
    }
}

/// Runs `body` in the caller's isolation so that `cancellation` can cancel it.
///
/// - Parameters:
///   - owner: The session that the body relies on; see ``ScopeLineage/isInside(_:)``.
///   - content: The lock that is held; see ``ScopeLineage/content``.
/// - Returns: The result of `body`. It has ended: nothing of it runs on.
package func withRevocableScope<Success>(
    _ cancellation: BodyCancellation,
    owner: ObjectIdentifier? = nil,
    content: (any Sendable)? = nil,
    isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Success
) async -> Result<Success, any Error> {
    let parent = RunningTask.current
    return await withoutActuallyEscaping(body) { body in
        let transferredBody = UnsafeTransfer(body)
        let outcome = await withTaskGroup(
            of: UnsafeTransfer<Result<Success, any Error>>.self, isolation: isolation
        ) { group in
            // At once, and on this thread: a body that does not suspend costs no switch to another.
            group.addChild {
                // Capturing the isolation makes this closure run there.
                _ = isolation
                let task = RunningTask.current
                if let task { cancellation.begin(task) }
                let outcome: Result<Success, any Error>
                do {
                    outcome = .success(
                        try await ScopeLineage.extended(
                            of: owner, content, from: parent, to: task, isolation: isolation
                        ) {
                            UnsafeTransfer(try await transferredBody.value())
                        }.value)
                } catch {
                    outcome = .failure(error)
                }
                await cancellation.end(isolation: isolation)
                return UnsafeTransfer(outcome)
            }
            return await group.next()
        }
        guard let outcome else { return .failure(CancellationError()) }
        return outcome.value
    }
}

extension TaskGroup {
    /// Adds a child task that starts at once, where the system can do that.
    fileprivate mutating func addChild(_ operation: sending @escaping @isolated(any) () async -> ChildTaskResult) {
        if #available(macOS 26, iOS 26, tvOS 26, watchOS 26, visionOS 26, *) {
            addImmediateTask(operation: operation)
        } else {
            addTask(operation: operation)
        }
    }
}

/// Takes a value that is not Sendable into a child task and back.
///
/// Sendable: only used by ``withRevocableScope(_:owner:content:isolation:_:)``, where the parent is suspended while the child
/// runs and both run in the same isolation, so that the value is never used at two places at once.
private struct UnsafeTransfer<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
