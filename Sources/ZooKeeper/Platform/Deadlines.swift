// SPDX-License-Identifier: Apache-2.0

import HeapModule
import Synchronization

/// The process's timer: one thread of its own that runs short callbacks at given moments.
///
/// It does not use the cooperative pool, so user code that blocks every thread of that pool delays no heartbeat and no
/// deadline. Its clock goes on while the machine is suspended.
@usableFromInline
package final class Deadlines: Sendable {
    @usableFromInline package static let shared = Deadlines()

    /// A moment at which something is to happen, unless it is cancelled before.
    @usableFromInline
    package final class Deadline: Sendable {
        private let action: Mutex<(@Sendable () -> Void)?>
        private let cancellations: Cancellations

        fileprivate init(_ action: @escaping @Sendable () -> Void, _ cancellations: Cancellations) {
            self.action = Mutex(action)
            self.cancellations = cancellations
        }

        /// Nothing will happen. Harmless if it has happened.
        @usableFromInline
        package func cancel() {
            let isNew = action.withLock { action in
                defer { action = nil }
                return action != nil
            }
            if isNew { cancellations.count.add(1, ordering: .relaxed) }
        }

        fileprivate var isCancelled: Bool { action.withLock { $0 == nil } }

        fileprivate func fire() {
            let action = action.withLock { action in
                defer { action = nil }
                return action
            }
            action?()
        }
    }

    /// The number of deadlines that have been cancelled and not yet been cleared away.
    fileprivate final class Cancellations: Sendable {
        let count = Atomic(0)
    }

    private struct Entry: Comparable {
        let moment: Moment
        let order: UInt64
        let deadline: Deadline

        static func < (left: Entry, right: Entry) -> Bool {
            (left.moment, left.order) < (right.moment, right.order)
        }

        static func == (left: Entry, right: Entry) -> Bool {
            (left.moment, left.order) == (right.moment, right.order)
        }
    }

    private struct State {
        var entries = Heap<Entry>()
        var nextOrder: UInt64 = 0
        var isRunning = false
    }

    private let state = Mutex(State())
    private let alarm = Alarm()
    private let cancellations = Cancellations()

    /// The number of deadlines that are kept, for tests.
    package var count: Int { state.withLock { $0.entries.count } }

    /// Runs `action` at `moment`, or at once on the timer thread if that is past. `action` must not block.
    @discardableResult
    @usableFromInline
    package func schedule(at moment: Moment, _ action: @escaping @Sendable () -> Void) -> Deadline {
        let deadline = Deadline(action, cancellations)
        state.withLock { state in
            clearCancelled(&state)
            let isEarliest = state.entries.min.map { moment < $0.moment } ?? true
            state.entries.insert(Entry(moment: moment, order: state.nextOrder, deadline: deadline))
            state.nextOrder += 1
            if !state.isRunning {
                // Without a thread now, the next call tries again.
                state.isRunning = DetachedThread.start { [self] in run() }
            }
            if isEarliest { alarm.set(to: moment) }
        }
        return deadline
    }

    /// Most deadlines are cancelled long before their moment. When they are more than half of all, they are cleared
    /// away.
    private func clearCancelled(_ state: inout State) {
        guard cancellations.count.load(ordering: .relaxed) > max(64, state.entries.count / 2) else { return }
        cancellations.count.store(0, ordering: .relaxed)
        state.entries = Heap(state.entries.unordered.filter { !$0.deadline.isCancelled })
    }

    private func run() {
        while true {
            alarm.wait()
            let now = Moment.now
            let due: [Deadline] = state.withLock { state in
                var due: [Deadline] = []
                while let next = state.entries.min, next.moment <= now {
                    due.append(next.deadline)
                    state.entries.removeMin()
                }
                if let next = state.entries.min { alarm.set(to: next.moment) }
                return due
            }
            for deadline in due { deadline.fire() }
        }
    }
}
