import ZooKeeper

/// Known-bad variants of what is told again here of the session and of the driver of a machine, to show that the check would
/// notice if those were so: as ``PlantedBug``, in a build with `-DPLANTED_BUGS` only.
enum ToldFlaw: String {
    /// Somebody is granted in a session that its owner is closing.
    case grantsWhileRetiring
    /// A list counts although its sync was answered by another connection, or not before it.
    case listsCountWithoutTheirSync
    /// A list counts although its sync was answered after it, by the same connection.
    case listsCountBeforeTheirSync
    /// A node that cannot be removed is told only to those that look out for it already.
    case newcomersIgnoreLeftovers
    /// The removal of any node of a contender ends its release, not only that of the one that it held.
    case anyRemovalIsARelease
    /// What is to be done later is done at once.
    case neverBacksOff

    #if PLANTED_BUGS
    private static let active = PlantedBug.planted.flatMap { ToldFlaw(rawValue: $0) }

    /// Whether this one is active.
    var isPlanted: Bool { Self.active == self }
    #else
    /// Whether this one is active: never.
    @inline(__always) var isPlanted: Bool { false }
    #endif
}
