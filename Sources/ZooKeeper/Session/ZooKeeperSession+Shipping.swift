// How requests are handed to the transport: by one thread at a time, so that they leave in the gate's order, and outside
// the session's lock. Handing one over takes locks of the C client, which its I/O thread holds while it sends, and wakes
// that thread; whoever brings an answer need not wait for that.

import Synchronization

extension ZooKeeperSession {
    /// What has left the gate, and is to be handed to the transport.
    struct Departure: Sendable {
        var entry: RequestGate.Entry
        var priority: RequestGate.Priority
        /// Whether it may go back and wait if the connection turns out to be gone. A flight may not.
        var mayGoBack: Bool
        /// Which connection it left for.
        var connection: Int
    }

    /// Takes the first that may leave out of the gate, and with it the duty to hand over all that may: to be done
    /// with ``ship(_:)`` when the lock is free again. `nil` if nothing may, or if somebody else has that duty.
    ///
    /// - Parameter moment: A moment that is not later than now, if one is at hand.
    func beginShipping(_ core: inout Core, at moment: ContinuousClock.Instant? = nil) -> Departure? {
        guard !core.isShipping, let departure = depart(&core, at: moment) else { return nil }
        core.isShipping = true
        return departure
    }

    /// Hands over what may leave, until nothing may. Not to be called under the lock.
    func ship(_ first: Departure?) {
        var next = first
        while let departure = next {
            var refusals: [(reply: Reply, code: ResultCode)] = []
            departure.entry.forEach { reply in
                if let code = transport.issue(reply) { refusals.append((reply, code)) }
            }
            var finished: Finished = []
            next = core.withLock { core in
                for (reply, code) in refusals { refused(reply, code, departure, &core, &finished) }
                let next = depart(&core)
                core.isShipping = next != nil
                return next
            }
            if !refusals.isEmpty {
                deliverNotices()
                tell(finished)
            }
        }
    }

    /// From here on the gate keeps its requests for the transport, and they count as sent.
    private func depart(_ core: inout Core, at moment: ContinuousClock.Instant? = nil) -> Departure? {
        while let (entry, priority) = core.gate.next() {
            let now = moment ?? .now
            func begin(_ reply: Reply) -> Bool {
                if case .removeWatches(let path, let table) = reply.request.kind, reply.request.isOnlyIfUnused,
                    !core.watches.mayRemove(table, at: path)
                {
                    // Told without the lock.
                    Deadlines.shared.schedule(at: now) { reply.finish(.success(Response(.done))) }
                    return false
                }
                guard reply.beginIssue() else {
                    _ = core.watches.settle(reply.request, .closing)
                    return false
                }
                core.gate.issue(reply, priority, at: now)
                return true
            }
            let leaving: RequestGate.Entry? =
                switch entry {
                case .single(let reply): begin(reply) ? entry : nil
                case .flight(let replies): .flight(replies.filter(begin))
                }
            guard let leaving, leaving.count > 0 else { continue }
            return Departure(
                entry: leaving, priority: priority, mayGoBack: entry.count == 1, connection: core.connection)
        }
        return nil
    }

    /// The transport did not take a request: nothing was sent.
    private func refused(
        _ reply: Reply, _ code: ResultCode, _ departure: Departure, _ core: inout Core, _ finished: inout Finished
    ) {
        _ = core.gate.settle(reply)
        reply.takeBack()
        // A session that is over has told whoever waited, and hands over nothing any more.
        let isOver = core.closing.phase >= .closing
        if code == .connectionLoss, !isOver {
            // The news of the loss is on its way, unless it has come in the meantime, and the next connection with it.
            // Until then whatever comes waits: somebody who tries again at once, on the thread that brings the news,
            // would otherwise keep it from coming.
            if core.connection == departure.connection { core.gate.isOpen = false }
            if departure.mayGoBack { core.gate.putBack(departure.entry, departure.priority) }
            if !core.gate.isOpen, core.expiry == nil { scheduleExpiry(&core) }
            if departure.mayGoBack { return }
        }
        _ = core.watches.settle(reply.request, code)
        finished.append((reply, .failure(located(code.error.notSent, reply))))
        finishCloseIfDrained(&core, &finished)
    }
}
