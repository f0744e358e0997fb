// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// A problem of a queue that does not go away by itself.
package enum QueueProblem: Sendable, Hashable {
    /// Several kinds of lock are in use in one directory.
    case mixed([LockKind])
    /// A node that no session owns is in the queue.
    case leftover(node: String, holds: Bool)
    /// The sequence numbers of the directory are exhausted.
    case exhausted
    /// The first participant has been in the queue for longer than expected.
    case slow(node: String, age: Duration)
    /// A child that is no participant, but counts for Curator as the first one.
    case obstacle(String)

    /// The kind of problem, for programs.
    package var key: String {
        switch self {
        case .mixed: "mixed"
        case .leftover: "leftover"
        case .exhausted: "exhausted"
        case .slow: "slow"
        case .obstacle: "obstacle"
        }
    }

    /// The node that it is about.
    package var node: String? {
        switch self {
        case .mixed, .exhausted: nil
        case .leftover(let node, _), .slow(let node, _), .obstacle(let node): node
        }
    }

    /// A sentence for an operator.
    package var description: String {
        switch self {
        case .mixed(let kinds):
            """
            mixed: \(kinds.map(\.title).joined(separator: ", ")) in one directory do not exclude each other; \
            give each a path of its own
            """
        case .leftover(let node, let holds):
            """
            \(holds ? "stuck" : "will be stuck"): no session owns \(node), so it stays until it is deleted; \
            if nobody uses it: zklock break
            """
        case .exhausted:
            """
            stuck: the sequence numbers of this directory are exhausted, and no order can be trusted; \
            stop everyone who uses it, and delete the directory
            """
        case .slow(let node, let age):
            "stuck: \(node) is the first, joined \(TimeText.age(age)) ago, and nobody behind it got the lock since"
        case .obstacle(let name):
            """
            stuck: the child \(name) is no participant, and Curator's clients wait behind it for ever; \
            delete it if nobody needs it
            """
        }
    }
}

extension QueueView {
    /// The problems that can be seen.
    ///
    /// - Parameters:
    ///   - limit: The time after which a first participant is a problem; `nil`: never. It does not count for a leader
    ///     latch: leaders are meant to stay.
    ///   - now: The time, in milliseconds since 1970.
    package func problems(stuckAfter limit: Duration? = nil, now: Int64) -> [QueueProblem] {
        var problems: [QueueProblem] = []
        if groups.count > 1 { problems.append(.mixed(groups.map(\.kind))) }
        if entries.contains(where: { $0.name.sequence == nil }) { problems.append(.exhausted) }
        problems += obstacles.map { .obstacle($0) }
        problems += entries.filter(\.isLeftover).map {
            .leftover(node: $0.name.name, holds: $0.state == .holds)
        }
        guard let limit else { return problems }
        for group in groups where group.kind != .curatorLatch {
            guard let first = group.entries.first, let age = first.age(at: now), age > limit else { continue }
            problems.append(.slow(node: first.name.name, age: age))
        }
        return problems
    }

    /// The children that stand in front of Curator's first participant. Curator takes every child for a participant,
    /// and compares what follows the marker, or the whole name, as text.
    private var obstacles: [String] {
        let curators = groups.filter {
            switch $0.kind {
            case .curatorMutex, .curatorLatch, .curatorReadWrite: true
            case .kazoo, .custom: false
            }
        }
        let digits = curators.compactMap(\.entries.first?.name.digits.utf8)
        guard let first = digits.min(by: { $0.lexicographicallyPrecedes($1) }) else { return [] }
        return otherChildren.filter { $0.utf8.lexicographicallyPrecedes(first) }
    }
}

extension QueueView.Entry {
    /// The time for which it has been in the queue, by this machine's clock; never negative.
    package func age(at now: Int64) -> Duration? {
        joined.map { .milliseconds(max(0, now.subtractingReportingOverflow($0).partialValue)) }
    }
}
