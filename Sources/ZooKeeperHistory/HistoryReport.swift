// SPDX-License-Identifier: Apache-2.0

/// The result of checking a history: violations and statistics.
public struct HistoryReport: Sendable {
    /// A violation of a guarantee.
    public struct Violation: Sendable, Hashable {
        /// The kind of a violation. New kinds may come with new versions.
        @nonexhaustive
        public enum Kind: String, Sendable, Hashable, CaseIterable {
            /// The stamp intervals of two conflicting holders overlap in ZooKeeper's order of transactions.
            case exclusion
            /// A later holder has a token that is not higher.
            case tokenOrder = "token-order"
            /// The fenced store accepted a token lower than one that it had accepted before.
            case fencing
            /// Two bodies overlap on the clock without a fault that could be the cause.
            case overlap
            /// A body was cancelled later than its deadline plus ``HistoryChecker/slack``.
            case lateCancellation = "late-cancellation"
            /// An operation did not return although its process continued.
            case neverReturned = "never-returned"
            /// There was no grant although all faults had ended.
            case stalled
            /// A process ended, and nothing in the run was to end it.
            case crash
            /// A node was in the queue after all sessions had ended.
            case orphan
        }

        /// The kind of the violation.
        public let kind: Kind
        /// The time in microseconds, on the clock of ``HistoryEvent/at``.
        public let at: Int64
        /// The names of the processes that it concerns.
        public let processes: [String]
        /// The violation in words, with the names of operations, zxids and tokens.
        public let text: String
    }

    /// A cause for which two bodies may overlap on the clock. New causes may come with new versions.
    @nonexhaustive
    public enum Cause: String, Sendable, Hashable, CaseIterable {
        /// The process of the former holder was frozen and could not check its clock.
        case freeze
        /// Its session was expired on the servers.
        case expiry
        /// The process or its server was cut off.
        case partition
        /// The process uses another library, which may continue after the loss of its lock.
        case external
        /// There is no cause: each such overlap is a violation.
        case none
    }

    /// The time from the beginning of a fault to the next grant.
    package struct Recovery: Sendable, Hashable {
        package var fault: HistoryEvent.Fault
        package var process: String
        package var at: Int64
        /// The time in microseconds; `nil` if there was no grant before the end.
        package var duration: Int64?
    }

    /// The violations in the order of time; empty if none was found.
    public package(set) var violations: [Violation] = []
    /// The violations that are attributed to processes of other libraries.
    public package(set) var externalViolations: [Violation] = []
    /// The number of pairs of bodies that overlap on the clock, by cause.
    public package(set) var overlaps: [Cause: Int] = [:]
    package var recoveries: [Recovery] = []
    /// The number of operations.
    public package(set) var invocations = 0
    /// The number of operations that were granted.
    public package(set) var grants = 0
    /// The number of operations by outcome.
    public package(set) var outcomes: [String: Int] = [:]
    /// The number of writes that the fenced store has accepted.
    public package(set) var acceptedWrites = 0
    /// The number of writes that the fenced store has refused.
    public package(set) var refusedWrites = 0
    /// The number of holds with stamps: those whose exclusion is judged. If it is 0, no violation says little.
    public package(set) var stampedHolds = 0
    /// The number of grants that overtook a conflicting operation in front of them in the queue.
    package var overtakings = 0
    /// The times from invocation to grant in microseconds, sorted.
    package var waits: [Int64] { waitsByAccess.values.flatMap { $0 }.sorted() }
    /// The times from invocation to grant for each kind of access.
    package var waitsByAccess: [HistoryEvent.Access: [Int64]] = [:]
    package var grantsByProcess: [String: Int] = [:]
    package var faults: [HistoryEvent.Fault: Int] = [:]

    package init() {}

    /// Returns the wait at a percentile; `nil` if there is none.
    ///
    /// - Parameter waits: The waits, sorted.
    package static func percentile(_ percent: Int, of waits: [Int64]) -> Int64? {
        waits.isEmpty ? nil : waits[min(waits.count - 1, waits.count * percent / 100)]
    }

    /// The longest recovery of those that were seen to their end.
    package var worstRecovery: Recovery? {
        recoveries.filter { $0.duration != nil }.max { ($0.duration ?? 0) < ($1.duration ?? 0) }
    }

    /// The number of faults after which nobody was granted any more before the end of the history.
    package var openRecoveries: Int { recoveries.count { $0.duration == nil } }
}
