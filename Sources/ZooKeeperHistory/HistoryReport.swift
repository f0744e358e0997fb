/// The findings of a check: violations, and numbers.
package struct HistoryReport: Sendable {
    /// Something that must not be.
    package struct Violation: Sendable, Hashable {
        package enum Kind: String, Sendable, Hashable, CaseIterable {
            /// Stamp intervals of two conflicting holders overlap in ZooKeeper's own order.
            case exclusion
            /// A later holder has a lower token.
            case tokenOrder = "token-order"
            /// The fenced store took a token lower than one that it had taken.
            case fencing
            /// Two bodies overlap on the clock, and nothing was done that could be the cause.
            case overlap
            /// A body was cancelled later than its deadline and the slack.
            case lateCancellation = "late-cancellation"
            /// A call did not return although its process went on.
            case neverReturned = "never-returned"
            /// Nobody was granted any more, although everything was mended.
            case stalled
            /// A process ended that nobody had killed.
            case crash
            /// A node was in the queue when all sessions had ended.
            case orphan
        }

        package var kind: Kind
        package var at: Int64
        /// The lanes that it concerns.
        package var processes: [String]
        package var text: String
    }

    /// Why two bodies may overlap on the clock.
    package enum Cause: String, Sendable, Hashable, CaseIterable {
        /// The process of the former holder stood still and could not look at its clock.
        case freeze
        /// Its session was ended behind its back.
        case expiry
        /// It, or its server, could not be reached.
        case partition
        /// It is of another library, which may go on when its time is up.
        case external
        case none
    }

    /// The time from the beginning of a fault to the next grant.
    package struct Recovery: Sendable, Hashable {
        package var fault: HistoryEvent.Fault
        package var process: String
        package var at: Int64
        /// In microseconds; `nil` if there was none before the end.
        package var duration: Int64?
    }

    package var violations: [Violation] = []
    /// The actions of processes of other libraries that would be violations of ours.
    package var externalViolations: [Violation] = []
    package var overlaps: [Cause: Int] = [:]
    package var recoveries: [Recovery] = []
    package var invocations = 0
    package var grants = 0
    package var outcomes: [String: Int] = [:]
    package var acceptedWrites = 0
    package var refusedWrites = 0
    package var stampedHolds = 0
    /// Grants that went past a conflicting participant that was in the queue before.
    package var overtakings = 0
    /// From invocation to grant in microseconds, sorted.
    package var waits: [Int64] { waitsByAccess.values.flatMap { $0 }.sorted() }
    /// The same for each kind of access.
    package var waitsByAccess: [HistoryEvent.Access: [Int64]] = [:]
    package var grantsByProcess: [String: Int] = [:]
    package var faults: [HistoryEvent.Fault: Int] = [:]

    package init() {}

    /// The wait that so many of a hundred were shorter than.
    package static func percentile(_ percent: Int, of waits: [Int64]) -> Int64? {
        waits.isEmpty ? nil : waits[min(waits.count - 1, waits.count * percent / 100)]
    }

    package var worstRecovery: Recovery? { recoveries.max { ($0.duration ?? .max) < ($1.duration ?? .max) } }
}
