import Synchronization

/// Delivers what happened, one thing at a time and in the order in which it happened, to code that may call back in.
///
/// The thread that posts also delivers, unless another is delivering already; then that one takes it along.
package final class Notices<Notice: Sendable>: Sendable {
    private struct State {
        var queue: [Notice] = []
        var isDelivering = false
    }

    private let state = Mutex(State())

    package init() {}

    /// Puts `notices` at the end of the queue. Cheap and never calls out, so it may be done under a lock.
    package func post(_ notices: some Sequence<Notice>) {
        state.withLock { $0.queue.append(contentsOf: notices) }
    }

    /// Delivers what is queued. Not to be called under a lock.
    package func deliver(_ body: (Notice) -> Void) {
        var isMine = false
        while true {
            let next: [Notice] = state.withLock { state in
                if !isMine, state.isDelivering { return [] }
                isMine = !state.queue.isEmpty
                state.isDelivering = isMine
                defer { state.queue.removeAll() }
                return state.queue
            }
            if next.isEmpty { return }
            next.forEach(body)
        }
    }
}
