// SPDX-License-Identifier: Apache-2.0

#if !THREAD_SANITIZER
public import Synchronization
#endif

/// Delivers what happened, one thing at a time and in the order in which it happened, to code that may call back in.
///
/// The thread that posts also delivers, unless another is delivering already; then that one takes it along.
@usableFromInline
package struct Notices<Notice: Sendable>: ~Copyable, Sendable {
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
        let isMine = state.withLock { state in
            guard !state.isDelivering, !state.queue.isEmpty else { return false }
            state.isDelivering = true
            return true
        }
        if isMine { deliverRest(body) }
    }

    /// As ``post(_:)`` and ``deliver(_:)``. What is first in the queue does not enter it.
    @inlinable
    package func deliver(_ notice: Notice, _ body: (Notice) -> Void) {
        let isFirst = state.withLock { state in
            guard !state.isDelivering, state.queue.isEmpty else {
                state.queue.append(notice)
                return false
            }
            state.isDelivering = true
            return true
        }
        guard isFirst else { return deliver(body) }
        body(notice)
        deliverRest(body)
    }

    @inlinable
    func deliverRest(_ body: (Notice) -> Void) {
        var next: [Notice] = []
        while true {
            state.withLock { state in
                swap(&state.queue, &next)
                state.isDelivering = !next.isEmpty
            }
            if next.isEmpty { return }
            for notice in next { body(notice) }
            next.removeAll(keepingCapacity: true)
        }
    }
}
