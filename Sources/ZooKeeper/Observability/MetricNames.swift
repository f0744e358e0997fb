// SPDX-License-Identifier: Apache-2.0

/// The metrics of this package: their names, in one place, and the labels that each has. No label ever has a path as its
/// value, and each has a bounded set of them.
package enum MetricName: String, CaseIterable {
    case requests = "zookeeper.client.requests"
    case requestDuration = "zookeeper.client.request.duration"
    case sessionConnected = "zookeeper.client.session.connected"
    case sessionsLost = "zookeeper.client.sessions.lost"
    case watches = "zookeeper.client.watches"
    case lockWait = "zookeeper.lock.wait"
    case lockHeld = "zookeeper.lock.held"
    case lockAhead = "zookeeper.lock.ahead"
    case lockAcquisitions = "zookeeper.lock.acquisitions"
    case lockLost = "zookeeper.lock.lost"
    case electionLeading = "zookeeper.election.leading"

    /// The labels, in the order in which they are given to the backend.
    package var labels: [MetricLabel] {
        switch self {
        case .requests: [.operation, .outcome]
        case .requestDuration: [.operation]
        case .sessionConnected, .watches: []
        case .sessionsLost: [.reason]
        case .lockWait, .lockAcquisitions: [.lock, .recipe, .result]
        case .lockHeld, .lockAhead: [.lock, .recipe]
        case .lockLost: [.lock, .recipe, .cause]
        case .electionLeading: [.lock]
        }
    }
}

/// A label of a metric.
package enum MetricLabel: String, CaseIterable {
    /// The operation: ``OperationName``.
    case operation
    /// `ok`, or the code of the error.
    case outcome
    /// The reason for which a session was lost.
    case reason
    /// The name that the user has given the lock.
    case lock
    /// `lock`, `read`, `write` or `election`.
    case recipe
    /// `granted`, `busy`, or the code of the error.
    case result
    /// The cause by which a lock was lost.
    case cause
}

/// The values of labels that are no names of errors.
package enum MetricValue {
    /// The outcome of a request that did not fail.
    package static let ok = "ok"
    /// The result of an acquisition that has the lock.
    package static let granted = "granted"
    /// The result of one that does not wait, and has found another participant.
    package static let busy = "busy"
    /// The name of a lock that the user has given none.
    package static let unnamed = "unnamed"
}

/// The recipe that an acquisition belongs to: the value of the label `recipe`.
package enum RecipeName: String, CaseIterable, Sendable, Hashable {
    case lock
    case read
    case write
    case election
}
