// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Runs cancellation handlers, which are the user's code and may block, on a few threads that come and go.
///
/// A lost session cancels all its bodies at once, perhaps thousands. A handful of threads does that. If handlers block
/// so that for a while none of them returns, another thread helps out: one that never returns keeps a thread busy, not
/// the others waiting.
package final class CancellationThreads: Sendable {
    package static let shared = CancellationThreads()

    private static let usualThreads = 4
    private static let patience = Duration.milliseconds(20)

    private struct State {
        var jobs: [@Sendable () -> Void] = []
        /// The position of the next one; the others have been taken.
        var next = 0
        var threads = 0
        var finished = 0
        var isWatched = false
    }

    private let state = Mutex(State())

    /// The number of threads, for tests.
    package var threadCount: Int { state.withLock { $0.threads } }

    /// Runs `job` soon.
    package func run(_ job: @escaping @Sendable () -> Void) {
        let (isStarting, isWatching) = state.withLock { state in
            state.jobs.append(job)
            let isStarting = state.threads < Self.usualThreads
            if isStarting { state.threads += 1 }
            defer { state.isWatched = true }
            return (isStarting, !state.isWatched)
        }
        if isStarting { startThread() }
        if isWatching { watch(finishedSoFar: -1) }
    }

    private func startThread() {
        guard !DetachedThread.start({ [self] in work() }) else { return }
        // No thread to be had: if there is no other either, the timer's must do.
        let isAlone = state.withLock { state in
            state.threads -= 1
            return state.threads == 0
        }
        if isAlone { Deadlines.shared.schedule(at: .now) { [self] in work(isThread: false) } }
    }

    private func work(isThread: Bool = true) {
        while true {
            let job: (@Sendable () -> Void)? = state.withLock { state in
                guard state.next < state.jobs.count else {
                    state.jobs = []
                    state.next = 0
                    if isThread { state.threads -= 1 }
                    return nil
                }
                defer { state.next += 1 }
                return state.jobs[state.next]
            }
            guard let job else { return }
            job()
            state.withLock { $0.finished += 1 }
        }
    }

    /// Looks now and then whether those that wait get on, as long as there are any.
    private func watch(finishedSoFar: Int) {
        Deadlines.shared.schedule(at: .now + Self.patience) { [self] in
            let (finished, isStuck, goesOn) = state.withLock { state in
                let goesOn = state.next < state.jobs.count
                state.isWatched = goesOn
                let isStuck = goesOn && state.finished == finishedSoFar
                if isStuck { state.threads += 1 }
                return (state.finished, isStuck, goesOn)
            }
            if isStuck { startThread() }
            if goesOn { watch(finishedSoFar: finished) }
        }
    }
}
