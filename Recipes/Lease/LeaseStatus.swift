// SPDX-License-Identifier: Apache-2.0

package import ZooKeeper

/// The decisions about one hold: a value without a clock. It ends once, by loss or because its scope closes it.
package struct LeaseStatus: Sendable, Hashable {
    package enum Phase: Sendable, Hashable {
        case held
        /// Past the deadline, and kept until the session ends or the leader has been asked.
        case doubtful
        case lost(LockLoss)
        case closed
    }

    /// The answer to the question whether the lock is held.
    package enum Check: Sendable, Hashable {
        case held
        /// The lock may be held, but nothing proves it now.
        case unconfirmed
        case lost(LockLoss)
        case scopeEnded
    }

    /// The consequence of a decision.
    package enum Effect: Sendable, Hashable {
        /// Those who wait for the end are told: of the loss, or that the lock was let go.
        case end(LockLoss?)
        /// The leader is asked whether the node is there.
        case confirm
    }

    package private(set) var phase = Phase.held
    package let policy: LossPolicy

    package init(_ policy: LossPolicy) { self.policy = policy }

    /// Answers the question whether the lock is held at the moment `now`, if nothing proves anything beyond `deadline`.
    ///
    /// In this order:
    ///
    /// | phase | policy | time left | answer | afterwards |
    /// |---|---|---|---|---|
    /// | closed | any | any | scope ended | |
    /// | lost | any | any | lost | |
    /// | held, doubtful | on expiry, and the use proves itself | any | held | |
    /// | doubtful | on expiry | any | unconfirmed | |
    /// | held | any | more than is needed | held | |
    /// | held | on expiry | some | unconfirmed | |
    /// | held | on expiry | none | unconfirmed | doubtful |
    /// | held | another | some | lost | |
    /// | held | another | none | lost | lost |
    ///
    /// - Parameters:
    ///   - needed: The time that must be left.
    ///   - provesItself: `true` if the answer to what is about to be sent shows whether the lock is held.
    package mutating func check(
        now: Moment, deadline: Moment, needed: Duration = .zero, provesItself: Bool = false
    ) -> (Check, Effect?) {
        switch phase {
        case .closed: return (.scopeEnded, nil)
        case .lost(let loss): return (.lost(loss), nil)
        case .held, .doubtful: break
        }
        if provesItself, policy == .onExpiry { return (.held, nil) }
        guard phase == .held else { return (.unconfirmed, nil) }
        let left = deadline.nanoseconds.subtractingReportingOverflow(now.nanoseconds).partialValue
        if left > max(needed == .zero ? 0 : needed.nanoseconds, 0) { return (.held, nil) }
        // Less left than was asked for is no loss. Past the deadline it is lost for good, also if an answer comes late
        // and moves the deadline on.
        if policy == .onExpiry { return (.unconfirmed, left > 0 ? nil : overdue()) }
        return (.lost(.deadlinePassed), left > 0 ? nil : lose(.deadlinePassed))
    }

    /// Loses the lock, unless it has ended before.
    package mutating func lose(_ loss: LockLoss) -> Effect? {
        guard phase == .held || phase == .doubtful else { return nil }
        phase = .lost(loss)
        return .end(loss)
    }

    /// Takes in that the connection is lost.
    package mutating func suspended() -> Effect? { policy == .onSuspension ? lose(.connectionLost) : nil }

    /// Takes in that the deadline has passed.
    package mutating func overdue() -> Effect? {
        if policy != .onExpiry { return lose(.deadlinePassed) }
        guard phase == .held else { return nil }
        phase = .doubtful
        return .confirm
    }

    /// Takes in that the leader has found the node.
    package mutating func confirmed(now: Moment, deadline: Moment) -> Effect? {
        guard phase == .doubtful else { return nil }
        if now >= deadline { return .confirm }
        phase = .held
        return nil
    }

    /// Closes the lease: late by the clock is lost, even if nobody has noticed yet.
    ///
    /// - Returns: `isOpen`: `false` if it was closed before. `loss`: the loss, if it was lost.
    package mutating func close(
        now: Moment, deadline: Moment
    ) -> (isOpen: Bool, loss: LockLoss?, effect: Effect?) {
        switch phase {
        case .closed: return (false, nil, nil)
        case .lost(let loss): return (true, loss, nil)
        case .held where now >= deadline && policy != .onExpiry:
            return (true, .deadlinePassed, lose(.deadlinePassed))
        case .held, .doubtful:
            phase = .closed
            return (true, nil, .end(nil))
        }
    }
}
