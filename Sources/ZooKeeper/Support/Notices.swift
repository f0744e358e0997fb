public import Synchronization

/// Delivers what happened, one thing at a time and in the order in which it happened, to code that may call back in.
///
/// The thread that posts also delivers, unless another is delivering already; then that one takes it along.
@usableFromInline
package final class Notices<Notice: Sendable>: Sendable {
    @usableFromInline
    @frozen
    struct State {
        @usableFromInline var queue: [Notice] = []
        @usableFromInline var isDelivering = false

        @inlinable
        init() {}
    }

    @usableFromInline let state: Mutex<State>

    @inlinable
    package init() { state = Mutex(State()) }

    /// Puts `notice` at the end of the queue. Cheap and never calls out, so it may be done under a lock.
    @inlinable
    package func post(_ notice: Notice) {
        state.withLock { $0.queue.append(notice) }
    }

    /// Delivers what is queued. Not to be called under a lock.
    @inlinable
    package func deliver(_ body: (Notice) -> Void) {
        var isMine = false
        while true {
            let next: [Notice] = state.withLock { state in
                if !isMine, state.isDelivering { return [] }
                isMine = !state.queue.isEmpty
                state.isDelivering = isMine
                defer { state.queue = [] }
                return state.queue
            }
            if next.isEmpty { return }
            for notice in next { body(notice) }
        }
    }
}
