// SPDX-License-Identifier: Apache-2.0

/// The difference between one recipe and another: who in front of me is in my way.
package enum ContentionPolicy: Sendable, Hashable {
    /// A lock, an election, a writer: everybody in front.
    case exclusive
    /// A reader: the writers in front.
    case shared

    /// The kind under which a contender with this policy joins.
    package var kind: ContenderKind {
        switch self {
        case .exclusive: .exclusive
        case .shared: .shared
        }
    }

    /// Finds the contenders in my way. I watch the nearest of them: so every node in the way of an exclusive contender
    /// is watched by one, and its removal wakes one.
    ///
    /// - Parameters:
    ///   - own: My node; `nil` if I have none yet, and would come last.
    ///   - isOther: Tells whether an entry is another's.
    func blockers(of own: Line.Entry?, in line: Line, _ isOther: (Line.Entry) -> Bool) -> Line.Blockers {
        var blockers = Line.Blockers()
        for entry in line.entries where isInFront(entry, of: own) && isInTheWay(entry) && isOther(entry) {
            blockers.add(entry)
        }
        return blockers
    }

    private func isInFront(_ other: Line.Entry, of own: Line.Entry?) -> Bool {
        guard let own else { return true }
        return other.sequence < own.sequence
    }

    private func isInTheWay(_ contender: Line.Entry) -> Bool {
        switch self {
        case .exclusive: true
        case .shared: contender.kind == .exclusive
        }
    }

    /// Tells whether, once I have my position, no contender that would be in my way can appear in front of me; so that
    /// the removal of the only one makes me the first without another look.
    ///
    /// - Parameter isOrdered: `true` if the numbers of the queue only grow. If not, it is readers that may appear in
    ///   front.
    package func isStable(_ isOrdered: Bool) -> Bool {
        switch self {
        case .exclusive: isOrdered
        case .shared: true
        }
    }
}
