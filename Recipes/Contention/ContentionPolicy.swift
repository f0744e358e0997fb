/// The difference between one recipe and another: who in front of me is in my way.
package enum ContentionPolicy: Sendable, Hashable {
    /// A lock, and an election: everybody in front.
    case mutex

    /// Those in my way, first in line first. I watch the last of them: so every node is watched by one contender, and
    /// its removal wakes one.
    package func blockers(of own: ContenderName, among contenders: [ContenderName]) -> [ContenderName] {
        switch self {
        case .mutex:
            contenders.filter { $0.sequence < own.sequence }.sorted { $0.sequence < $1.sequence }
        }
    }

    /// Those that would be in the way of a newcomer, first in line first.
    package func blockersOfNewcomer(among contenders: [ContenderName]) -> [ContenderName] {
        switch self {
        case .mutex: contenders.sorted { $0.sequence < $1.sequence }
        }
    }

    /// Whether nobody can appear in front of me once I have my place, so that the removal of the only one in my way
    /// makes me the first without another look.
    package var isStable: Bool {
        switch self {
        case .mutex: true
        }
    }
}
