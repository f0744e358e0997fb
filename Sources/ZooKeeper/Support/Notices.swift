#if !THREAD_SANITIZER
public import Synchronization
#endif

/// Delivers what happened, one thing at a time and in the order in which it happened, to code that may call back in.
///
/// The thread that posts also delivers, unless another is delivering already; then that one takes it along.
@usableFromInline
package final class Notices<Notice: Sendable>: Sendable {
    @usableFromInline
    @frozen
    struct State {
        @usableFromInline var queue: [Notice] = []
        /// The memory of an earlier queue, to be used again.
        @usableFromInline var spare: [Notice] = []
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
        var next: [Notice] = []
        var isMine = false
        repeat {
            state.withLock { state in
                if isMine {
                    state.spare = next
                } else if state.isDelivering {
                    return
                }
                isMine = !state.queue.isEmpty
                state.isDelivering = isMine
                next = state.queue
                state.queue = state.spare
                state.spare = []
            }
            for notice in next { body(notice) }
            next.removeAll(keepingCapacity: true)
        } while isMine
    }
}
