// SPDX-License-Identifier: Apache-2.0

import DequeModule
import Synchronization

/// Decides which request may go to the server next: a value that does nothing itself.
///
/// * Requests leave in the order in which they came, a pipeline as a whole.
/// * None leaves while there is no connection: what waits here is certainly not sent.
/// * At most `limit` are under way. (65,536 would fill the C client's wake-up pipe, whereupon it closes the
///   connection.)
/// * Urgent ones (heartbeats, the removal of lock nodes) go before all others and have a limit of their own. Of these,
///   heartbeats go first: leases wait for them.
/// * An authentication goes alone: the C client puts it in front of a request that may be half sent.
package struct RequestQueue {
    package enum Priority: Sendable {
        case normal
        case urgent
    }

    /// A unit that is handed over in one go: one request, or a pipeline.
    package enum Entry: Sendable {
        case single(PendingRequest)
        case pipeline([PendingRequest])

        package var first: PendingRequest? {
            switch self {
            case .single(let pending): pending
            case .pipeline(let pendingRequests): pendingRequests.first
            }
        }

        package var count: Int {
            switch self {
            case .single: 1
            case .pipeline(let pendingRequests): pendingRequests.count
            }
        }

        package func forEach(_ body: (PendingRequest) -> Void) {
            switch self {
            case .single(let pending): body(pending)
            case .pipeline(let pendingRequests): pendingRequests.forEach(body)
            }
        }
    }

    private struct Issued {
        var pending: PendingRequest
        var at: Moment
        var isUrgent: Bool
    }

    /// More than that can never be under way: 65,536 would fill the C client's wake-up pipe.
    package static let hardLimit = 16_384
    /// The number of urgent requests that may be under way besides the others.
    package static let urgentLimit = 256

    package let limit: Int
    /// Tells whether there is a connection.
    package var isOpen = false
    /// Tells whether only urgent requests may leave, although there is a connection.
    package var isHeld = false
    private var urgent = Deque<Entry>()
    /// Reads whose connection was lost. They go before what never was under way.
    private var again = Deque<Entry>()
    private var waiting = Deque<Entry>()
    /// The requests under way. A place that is free is used again, so that nothing is allocated for a request.
    private var issued: [Issued?] = []
    private var freeSlots: [Int] = []
    package private(set) var issuedCount = 0
    private var urgentIssued = 0
    private var isAuthenticating = false

    package init(limit: Int) {
        self.limit = limit
    }

    /// The number of entries that wait.
    package var waitingCount: Int { urgent.count + again.count + waiting.count }

    package mutating func append(_ entry: Entry, _ priority: Priority) {
        switch priority {
        case .normal: waiting.append(entry)
        case .urgent: urgent.append(entry)
        }
    }

    /// Puts an entry in front of all others of its priority: a heartbeat, or one that could not be handed over after all.
    package mutating func prepend(_ entry: Entry, _ priority: Priority) {
        switch priority {
        case .normal: again.prepend(entry)
        case .urgent: urgent.prepend(entry)
        }
    }

    /// Puts back a request whose connection was lost, behind those put back before it.
    package mutating func appendAgain(_ pending: PendingRequest, _ priority: Priority) {
        pending.takeBack()
        switch priority {
        case .normal: again.append(.single(pending))
        case .urgent: urgent.append(.single(pending))
        }
    }

    /// Takes out what may leave now.
    package mutating func next() -> (Entry, Priority)? {
        guard isOpen, !isAuthenticating else { return nil }
        if let entry = urgent.first, urgentIssued < Self.urgentLimit {
            urgent.removeFirst()
            return (entry, .urgent)
        }
        guard !isHeld else { return nil }
        let fromAgain = !again.isEmpty
        guard let entry = fromAgain ? again.first : waiting.first else { return nil }
        if entry.first?.request.action.isAuthentication == true {
            guard issuedCount == 0 else { return nil }
        } else {
            let normalIssued = issuedCount - urgentIssued
            let hasRoom = normalIssued == 0 || normalIssued + entry.count <= limit
            guard hasRoom else { return nil }
        }
        if fromAgain { again.removeFirst() } else { waiting.removeFirst() }
        return (entry, .normal)
    }

    /// Keeps a request that is handed over, alive until it is settled.
    package mutating func issue(_ pending: PendingRequest, _ priority: Priority, at now: Moment) {
        let entry = Issued(pending: pending, at: now, isUrgent: priority == .urgent)
        if let slot = freeSlots.popLast() {
            issued[slot] = entry
            pending.slot.store(slot, ordering: .relaxed)
        } else {
            pending.slot.store(issued.count, ordering: .relaxed)
            issued.append(entry)
        }
        issuedCount += 1
        if priority == .urgent { urgentIssued += 1 }
        if pending.request.action.isAuthentication { isAuthenticating = true }
    }

    /// Lets go of a request that has been answered.
    ///
    /// - Returns: The moment at which it was handed over, and its priority; `nil` if it is not under way.
    package mutating func finish(_ pending: PendingRequest) -> (at: Moment, priority: Priority)? {
        let slot = pending.slot.load(ordering: .relaxed)
        guard issued.indices.contains(slot), let entry = issued[slot], entry.pending === pending else { return nil }
        issued[slot] = nil
        freeSlots.append(slot)
        pending.slot.store(-1, ordering: .relaxed)
        issuedCount -= 1
        if entry.isUrgent { urgentIssued -= 1 }
        if pending.request.action.isAuthentication { isAuthenticating = false }
        return (entry.at, entry.isUrgent ? .urgent : .normal)
    }

    /// Takes out urgent requests that wait, of the session itself.
    package mutating func removeUrgent(where isMeant: (PendingRequest.Purpose) -> Bool) {
        urgent.removeAll { entry in entry.first.map { isMeant($0.purpose) } ?? false }
    }

    /// Takes out everything that waits and was never handed over; urgent requests only if asked.
    package mutating func drainWaiting(includingUrgent: Bool) -> [PendingRequest] {
        var pendingRequests: [PendingRequest] = []
        again.forEach { entry in entry.forEach { pendingRequests.append($0) } }
        waiting.forEach { entry in entry.forEach { pendingRequests.append($0) } }
        again = []
        waiting = []
        if includingUrgent {
            urgent.forEach { entry in entry.forEach { pendingRequests.append($0) } }
            urgent = []
        }
        return pendingRequests
    }

    /// Takes out what has been waiting for too long: entries submitted at `instant` or before, unless they wait for as
    /// long as the session lives.
    package mutating func expire(submittedBy instant: Moment) -> [PendingRequest] {
        var pendingRequests: [PendingRequest] = []
        for queue in [\RequestQueue.again, \RequestQueue.waiting] {
            self[keyPath: queue].removeAll { entry in
                guard let submittedAt = entry.expirable, submittedAt <= instant else { return false }
                entry.forEach { pendingRequests.append($0) }
                return true
            }
        }
        return pendingRequests
    }

    /// The moment of submission of the entry that has been waiting longest and does not wait for ever.
    package var oldestSubmission: Moment? {
        [again, waiting].lazy.compactMap { $0.lazy.compactMap(\.expirable).min() }.min()
    }

    /// Every request under way, in the order of submission.
    package var allIssued: [PendingRequest] {
        issued.compactMap { $0?.pending }.sorted { $0.submittedAt < $1.submittedAt }
    }

    /// Forgets the requests under way: the transport is closed and will not use them.
    package mutating func removeAllIssued() {
        issued = []
        freeSlots = []
        issuedCount = 0
        urgentIssued = 0
        isAuthenticating = false
    }
}

extension RequestQueue.Entry {
    /// The moment of submission; `nil` if the entry may wait for ever.
    fileprivate var expirable: Moment? {
        guard let first, first.retry != .untilSessionEnds else { return nil }
        return first.submittedAt
    }
}
