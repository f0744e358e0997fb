import HeapModule
import Synchronization

/// The process's timer: one thread of its own that runs short callbacks at given moments.
///
/// It does not use the cooperative pool, so user code that blocks every thread of that pool delays no heartbeat and no
/// deadline. Its clock goes on while the machine is suspended.
package final class Deadlines: Sendable {
    package static let shared = Deadlines()

    /// A moment at which something is to happen, unless it is cancelled before.
    package final class Deadline: Sendable {
        private let action: Mutex<(@Sendable () -> Void)?>
        private let cancellations: Cancellations

        fileprivate init(_ action: @escaping @Sendable () -> Void, _ cancellations: Cancellations) {
            self.action = Mutex(action)
            self.cancellations = cancellations
        }

        /// Nothing will happen. Harmless if it has happened.
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
        let instant: ContinuousClock.Instant
        let order: UInt64
        let deadline: Deadline

        static func < (left: Entry, right: Entry) -> Bool {
            (left.instant, left.order) < (right.instant, right.order)
        }

        static func == (left: Entry, right: Entry) -> Bool {
            (left.instant, left.order) == (right.instant, right.order)
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

    /// Runs `action` at `instant`, or at once on the timer thread if that is past. `action` must not block.
    @discardableResult
    package func schedule(
        at instant: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void
    ) -> Deadline {
        let deadline = Deadline(action, cancellations)
        state.withLock { state in
            clearCancelled(&state)
            let isEarliest = state.entries.min.map { instant < $0.instant } ?? true
            state.entries.insert(Entry(instant: instant, order: state.nextOrder, deadline: deadline))
            state.nextOrder += 1
            if !state.isRunning {
                // Without a thread now, the next call tries again.
                state.isRunning = DetachedThread.start { [self] in run() }
            }
            if isEarliest { alarm.set(to: instant) }
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
            let now = ContinuousClock.now
            let due: [Deadline] = state.withLock { state in
                var due: [Deadline] = []
                while let next = state.entries.min, next.instant <= now {
                    due.append(next.deadline)
                    state.entries.removeMin()
                }
                if let next = state.entries.min { alarm.set(to: next.instant) }
                return due
            }
            for deadline in due { deadline.fire() }
        }
    }
}
