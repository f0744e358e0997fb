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

    /// Finds the contenders in my way, in order. I watch the last of them: so every node in the way of an exclusive
    /// contender is watched by one, and its removal wakes one.
    package func blockers(of own: ContenderName, among contenders: [ContenderName]) -> [ContenderName] {
        let blockers = contenders.filter { isInFront($0, of: own) && isInTheWay($0) }.sorted {
            $0.sequence < $1.sequence
        }
        if PlantedFlaw.readersSeeOneWriter.isPlanted, self == .shared { return Array(blockers.prefix(1)) }
        return blockers
    }

    /// Those that would be in the way of a newcomer, the first first.
    package func blockersOfNewcomer(among contenders: [ContenderName]) -> [ContenderName] {
        contenders.filter(isInTheWay).sorted { $0.sequence < $1.sequence }
    }

    private func isInFront(_ other: ContenderName, of own: ContenderName) -> Bool {
        if PlantedFlaw.sortsByName.isPlanted { return other.name < own.name }
        return other.sequence < own.sequence
    }

    private func isInTheWay(_ contender: ContenderName) -> Bool {
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
