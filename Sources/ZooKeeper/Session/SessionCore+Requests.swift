// SPDX-License-Identifier: Apache-2.0

// How requests pass through a session: in, out to the transport, and finished.

import Synchronization

extension SessionCore {
    /// The requests that have left the queue together, and are to be handed to the transport.
    package struct Batch: Sendable {
        package var entry: RequestQueue.Entry
        var priority: RequestQueue.Priority
        /// Tells whether it may go back and wait if the connection turns out to be gone. A pipeline may not.
        var mayGoBack: Bool
        /// The number of the connection that it left for.
        var connection: Int
    }

    // MARK: In

    /// Takes in an entry, which has been validated.
    ///
    /// - Throws: The reason why it is not taken; its requests are then to be finished with ``failure(_:of:)``.
    package mutating func admit(
        _ entry: RequestQueue.Entry, _ priority: RequestQueue.Priority, _ effects: inout SessionEffects
    ) throws(ZooKeeperError) {
        switch machine.closing.phase {
        case .open, .retiring: break
        case .draining where priority == .urgent: break
        default: throw Self.endError(machine.state, execution: .notSent)
        }
        if isChrootMissing, priority == .normal { throw chrootError }
        try watches.reserve(for: entry)
        queue.append(entry, priority)
        if !queue.isOpen || queue.isHeld, !isExpiring { setExpiry(&effects) }
    }

    /// Nobody holds the watch of an answered request any more: it is to be taken off the server, if it was the last.
    ///
    /// - Parameter node: A request about the node that it watches, whose action does not matter.
    package mutating func abandon(
        _ registration: WatchRegistration, on node: Request, at now: @autoclosure () -> Moment,
        _ effects: inout SessionEffects
    ) {
        guard let path = node.rooted(at: settings.chroot).path,
            let removable = watches.remove(registration, at: path)
        else { return }
        removeWatches(removable, at: path, at: now(), &effects)
    }

    /// Asks the servers to take watches off, which nobody holds.
    mutating func removeWatches(
        _ removable: RemovableWatches, at path: ServerPath, at now: Moment, _ effects: inout SessionEffects
    ) {
        var request = Request(ZNodePath(unchecked: path.string), .removeWatches(removable))
        // The path is the servers' already.
        request.isOutsideChroot = true
        // Where nothing is taken any more, the session is ending, and its watches with it.
        try? admit(.single(ownRequest(request, .watchRemoval, at: now)), .urgent, &effects)
    }

    // MARK: Out

    /// Takes the first that may leave out of the queue, and with it the duty to hand over all that may, unless another
    /// thread has that duty.
    ///
    /// - Parameter moment: A moment that is not later than now.
    package mutating func startSending(at moment: @autoclosure () -> Moment, _ effects: inout SessionEffects) {
        if !isSending { goOnSending(at: moment(), &effects) }
    }

    /// The thread that hands over has done so with a batch.
    package mutating func goOnSending(at moment: @autoclosure () -> Moment, _ effects: inout SessionEffects) {
        effects.batch = nextBatch(at: moment(), &effects)
        isSending = effects.batch != nil
    }

    /// From here on the queue keeps its requests for the transport, and they count as sent.
    private mutating func nextBatch(at moment: @autoclosure () -> Moment, _ effects: inout SessionEffects) -> Batch? {
        while true {
            for unwanted in watches.unwanted.isEmpty ? [] : watches.takeUnwanted() {
                removeWatches(unwanted.watches, at: unwanted.path, at: moment(), &effects)
            }
            guard let (entry, priority) = queue.next() else { return nil }
            let now = moment()
            let leaving: RequestQueue.Entry
            switch entry {
            case .single(let pending):
                guard begin(pending, priority, at: now, &effects) else { continue }
                leaving = entry
            case .pipeline(let pendingRequests):
                let staying = pendingRequests.filter { !begin($0, priority, at: now, &effects) }
                if staying.count == pendingRequests.count { continue }
                // Most often all leave, and then the list need not be made again.
                leaving =
                    staying.isEmpty
                    ? entry : .pipeline(pendingRequests.filter { pending in !staying.contains { $0 === pending } })
            }
            return Batch(entry: leaving, priority: priority, mayGoBack: entry.count == 1, connection: connection)
        }
    }

    private mutating func begin(
        _ pending: PendingRequest, _ priority: RequestQueue.Priority, at now: Moment, _ effects: inout SessionEffects
    ) -> Bool {
        if pending.purpose == .watchRemoval, !mayRemoveWatches(pending) {
            putOffRemoval(pending)
            effects.finished.append((pending, .success(Response(.done))))
            return false
        }
        guard pending.beginIssue() else {
            watches.finish(pending, .closing)
            return false
        }
        queue.issue(pending, priority, at: now)
        return true
    }

    /// The transport did not take a request: nothing was sent.
    package mutating func refused(
        _ pending: PendingRequest, _ code: ResultCode, _ batch: Batch, at now: @autoclosure () -> Moment,
        _ effects: inout SessionEffects
    ) {
        // If it moved meanwhile, the request has been finished, or waits to be sent again.
        guard queue.finish(pending) != nil else { return }
        pending.takeBack()
        // A session that is over has told its callers, and hands over nothing any more.
        let isOver = machine.closing.phase >= .closing
        if code == .connectionLoss, !isOver {
            // The news of the loss is on its way, unless it has come in the meantime, and the next connection with it.
            // Until then all requests wait: a caller that tries again at once, on the thread that brings the news,
            // would otherwise keep it from coming.
            if connection == batch.connection { queue.isOpen = false }
            // The next connection has a check of its own.
            let mayGoBack = batch.mayGoBack && pending.purpose != .watchCheck
            if mayGoBack { queue.prepend(batch.entry, batch.priority) }
            if !queue.isOpen, !isExpiring { setExpiry(&effects) }
            if mayGoBack { return }
        }
        watches.finish(pending, code)
        switch pending.purpose {
        case .caller, .heartbeat, .probe: break
        // A handle that has never heard of a watch takes no removal of it.
        case .watchRemoval: removedWatches(pending)
        case .watchCheck: watchChecked(pending, code, at: now(), &effects)
        // All others wait for it.
        case .catchUp, .watchRenewal: if !isOver { return repeatLater(pending, at: now(), &effects) }
        }
        effects.finished.append((pending, failure(code.error.notSent, of: pending)))
    }

    // MARK: Finished

    /// The answer to a request has come, or the failure with which its connection was lost.
    package mutating func answered(
        _ pending: PendingRequest, with result: Result<ServerResponse, ResultFailure>,
        at now: @autoclosure () -> Moment, _ effects: inout SessionEffects
    ) {
        guard let (sentAt, priority) = queue.finish(pending) else { return }
        let code = result.code
        if code.isAnswer {
            let byLeader = pending.request.action.isLeaderRoundTrip && code.provesLeader
            let wereLeasesOverdue = machine.areLeasesOverdue
            let changes = machine.answered(sentAt: sentAt, byLeader: byLeader, at: now())
            if !changes.isEmpty { apply(changes, at: now(), &effects) }
            // If leases were overdue, their new deadline has no timer yet.
            if wereLeasesOverdue || !changes.isEmpty { setTick(&effects) }
        }
        // The server closes the session behind this answer.
        if code == .authenticationRequired { handle(.authenticationFailed, at: now(), &effects) }
        if code.isConnectionLoss, shouldRetry(pending, at: now()) {
            queue.appendAgain(pending, priority)
            if pending.retry == .withinRequestTimeout { setEnd(of: pending, &effects) }
            return
        }
        if pending.setsWatch, watches.finish(pending, code, seen: result.stat) { effects.registered.append(pending) }
        if pending.request.action.isAuthentication { hasCredentials = true }
        if !repeatedReads.isEmpty, repeatedReads.removeValue(forKey: ObjectIdentifier(pending)) != nil {
            effects.timers.append((.read(ObjectIdentifier(pending)), nil))
        }
        switch pending.purpose {
        case .caller: effects.finished.append((pending, answer(to: pending, result)))
        case .heartbeat, .probe: heartbeatAnswered(pending, code, at: now(), &effects)
        case .watchRemoval: removedWatches(pending)
        case .watchCheck: watchChecked(pending, code, at: now(), &effects)
        case .catchUp: caughtUp(pending, code, at: now(), &effects)
        case .watchRenewal: renewed(pending, result, at: now(), &effects)
        }
    }

    /// Tells whether a request whose connection was lost is to be sent again.
    private func shouldRetry(_ pending: PendingRequest, at now: @autoclosure () -> Moment) -> Bool {
        guard !machine.state.isFinal, !pending.isFinished else { return false }
        return switch pending.retry {
        case .never: false
        case .withinRequestTimeout:
            machine.closing.phase <= .retiring && now() < pending.submittedAt + settings.requestTimeout
        case .untilSessionEnds: true
        }
    }

    /// A read that is sent again ends in time, also if the next server is as silent as the last.
    private mutating func setEnd(of pending: PendingRequest, _ effects: inout SessionEffects) {
        let key = ObjectIdentifier(pending)
        guard repeatedReads.updateValue(pending, forKey: key) == nil else { return }
        effects.timers.append((.read(key), pending.submittedAt + settings.requestTimeout))
    }

    private func answer(
        to pending: PendingRequest, _ result: Result<ServerResponse, ResultFailure>
    ) -> PendingRequest.Answer {
        switch result {
        case .success(let response): .success(Response(response.relative(to: settings.chroot)))
        case .failure(let reason): failure(reason.code.error, of: pending, failedOperation: reason.failedOperation)
        }
    }

    // MARK: Watches

    /// Takes in that a node has changed.
    package mutating func changed(
        _ path: ServerPath, _ kind: WatchEvent.Kind, _ effects: inout SessionEffects
    ) {
        if watchCheck?.path == path { watchCheck?.hasFired = true }
        fire(watches.fire(kind, at: path), kind, at: path, &effects)
    }

    func fire(
        _ fired: [WatchRegistration], _ kind: WatchEvent.Kind, at path: ServerPath, _ effects: inout SessionEffects
    ) {
        guard !fired.isEmpty else { return }
        let event = WatchEvent(kind: kind, path: path.relative(to: settings.chroot), connection: connection)
        for watch in fired { effects.fired.append((watch, event)) }
    }

    private func mayRemoveWatches(_ removal: PendingRequest) -> Bool {
        guard case .removeWatches(let table) = removal.request.action, let path = removal.request.path else {
            return true
        }
        return watches.mayRemove(table, at: path)
    }

    private mutating func putOffRemoval(_ removal: PendingRequest) {
        guard case .removeWatches(let table) = removal.request.action, let path = removal.request.path else { return }
        watches.putOff(table, at: path)
    }

    private mutating func removedWatches(_ removal: PendingRequest) {
        guard case .removeWatches(let table) = removal.request.action, let path = removal.request.path else { return }
        watches.removed(table, at: path)
    }
}

extension WatchTable {
    /// Makes room for all watches of an entry, or for none.
    fileprivate mutating func reserve(for entry: RequestQueue.Entry) throws(ZooKeeperError) {
        switch entry {
        case .single(let pending): if pending.setsWatch { try reserve(for: pending.request) }
        case .pipeline(let pendingRequests):
            for (index, pending) in pendingRequests.enumerated() where pending.setsWatch {
                do { try reserve(for: pending.request) } catch {
                    for earlier in pendingRequests[..<index] { finish(earlier, .closing) }
                    throw error
                }
            }
        }
    }

    /// Registers the watch of an answered request, or forgets it.
    ///
    /// - Returns: `true` if there is one, and it is registered now.
    @discardableResult
    mutating func finish(_ pending: PendingRequest, _ code: ResultCode, seen stat: ZNodeStat? = nil) -> Bool {
        // A watch that is set again has never lost its place.
        guard pending.purpose == .caller, let registration = pending.watch?.registration else { return false }
        return finish(pending.request, registration, code, seen: stat)
    }
}

extension Result<ServerResponse, ResultFailure> {
    /// The stat of the node, if one was read.
    fileprivate var stat: ZNodeStat? { if case .success(let response) = self { response.stat } else { nil } }
}

extension Result where Failure == ResultFailure {
    fileprivate var code: ResultCode {
        switch self {
        case .success: .ok
        case .failure(let failure): failure.code
        }
    }
}
