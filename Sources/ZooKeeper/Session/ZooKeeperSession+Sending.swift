// How requests are handed to the transport: by one thread at a time, so that they leave in the queue's order, and
// outside the session's lock. Handing one over takes locks of the C client, which its I/O thread holds while it sends,
// and wakes that thread; the thread that brings an answer need not wait for that.

import Synchronization

extension ZooKeeperSession {
    /// The requests that have left the queue together, and are to be handed to the transport.
    struct Batch: Sendable {
        var entry: RequestQueue.Entry
        var priority: RequestQueue.Priority
        /// Tells whether it may go back and wait if the connection turns out to be gone. A pipeline may not.
        var mayGoBack: Bool
        /// The number of the connection that it left for.
        var connection: Int
    }

    /// Takes the first that may leave out of the queue, and with it the duty to hand over all that may: to be done
    /// with ``send(_:)`` when the lock is free again. `nil` if nothing may, or if another thread has that duty.
    ///
    /// - Parameter moment: A moment that is not later than now, if one is at hand.
    func beginSending(_ core: inout Core, at moment: ContinuousClock.Instant? = nil) -> Batch? {
        guard !core.isSending, let batch = nextBatch(&core, at: moment) else { return nil }
        core.isSending = true
        return batch
    }

    /// Hands over what may leave, until nothing may. Not to be called under the lock.
    func send(_ first: Batch?) {
        var next = first
        while let batch = next {
            var refusals: [(pending: PendingRequest, code: ResultCode)] = []
            batch.entry.forEach { pending in
                if let code = transport.issue(pending) { refusals.append((pending, code)) }
            }
            var finished: Finished = []
            next = core.withLock { core in
                for (pending, code) in refusals { refused(pending, code, batch, &core, &finished) }
                let next = nextBatch(&core)
                core.isSending = next != nil
                return next
            }
            if !refusals.isEmpty {
                deliverNotices()
                complete(finished)
            }
        }
    }

    /// From here on the queue keeps its requests for the transport, and they count as sent.
    private func nextBatch(_ core: inout Core, at moment: ContinuousClock.Instant? = nil) -> Batch? {
        while let (entry, priority) = core.queue.next() {
            let now = moment ?? .now
            func begin(_ pending: PendingRequest) -> Bool {
                if case .removeWatches(let table) = pending.request.action, let path = pending.request.path,
                    pending.isOnlyIfUnused, !core.watches.mayRemove(table, at: path)
                {
                    // Told without the lock.
                    Deadlines.shared.schedule(at: now) { pending.finish(.success(Response(.done))) }
                    return false
                }
                guard pending.beginIssue() else {
                    core.watches.finish(pending, .closing)
                    return false
                }
                core.queue.issue(pending, priority, at: now)
                return true
            }
            let leaving: RequestQueue.Entry? =
                switch entry {
                case .single(let pending): begin(pending) ? entry : nil
                case .pipeline(let pendingRequests): .pipeline(pendingRequests.filter(begin))
                }
            guard let leaving, leaving.count > 0 else { continue }
            return Batch(
                entry: leaving, priority: priority, mayGoBack: entry.count == 1, connection: core.connection)
        }
        return nil
    }

    /// The transport did not take a request: nothing was sent.
    private func refused(
        _ pending: PendingRequest, _ code: ResultCode, _ batch: Batch, _ core: inout Core, _ finished: inout Finished
    ) {
        _ = core.queue.finish(pending)
        pending.takeBack()
        // A session that is over has told its callers, and hands over nothing any more.
        let isOver = core.closing.phase >= .closing
        if code == .connectionLoss, !isOver {
            // The news of the loss is on its way, unless it has come in the meantime, and the next connection with it.
            // Until then all requests wait: a caller that tries again at once, on the thread that brings the news,
            // would otherwise keep it from coming.
            if core.connection == batch.connection { core.queue.isOpen = false }
            if batch.mayGoBack { core.queue.putBack(batch.entry, batch.priority) }
            if !core.queue.isOpen, core.expiry == nil { scheduleExpiry(&core) }
            if batch.mayGoBack { return }
        }
        core.watches.finish(pending, code)
        finished.append((pending, .failure(located(code.error.notSent, pending))))
        finishCloseIfDrained(&core, &finished)
    }
}
