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
        for entry in line.entries where isInFront(entry, of: own, in: line) && isInTheWay(entry) && isOther(entry) {
            blockers.add(entry)
        }
        if PlantedFlaw.readersSeeOneWriter.isPlanted, self == .shared, let first = blockers.first {
            blockers = Line.Blockers()
            blockers.add(first)
        }
        return blockers
    }

    private func isInFront(_ other: Line.Entry, of own: Line.Entry?, in line: Line) -> Bool {
        guard let own else { return true }
        if PlantedFlaw.sortsByName.isPlanted {
            return line.bytes(of: other).lexicographicallyPrecedes(line.bytes(of: own))
        }
        return other.sequence < own.sequence
    }

    private func isInTheWay(_ contender: Line.Entry) -> Bool {
        switch self {
        case .exclusive: !PlantedFlaw.writersIgnoreReaders.isPlanted || contender.kind == .exclusive
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
        case .exclusive: isOrdered || PlantedFlaw.handsOffOutOfOrder.isPlanted
        case .shared: true
        }
    }
}
