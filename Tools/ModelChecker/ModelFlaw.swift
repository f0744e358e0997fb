import ZooKeeper

/// Known-bad variants of the checker's own model of the session and of the driver of a machine, to show that the check
/// would notice such bugs in these: as ``PlantedBug``, in a build with `-DPLANTED_BUGS` only.
enum ModelFlaw: String {
    /// A contender is granted in a session that its owner is closing.
    case grantsWhileRetiring
    /// A node that cannot be removed is told only to the contenders that are there already.
    case newcomersIgnoreLeftovers
    /// The removal of any node of a contender ends its release, not only that of the one that it held.
    case anyRemovalIsARelease
    /// Actions that are put off are taken at once.
    case neverBacksOff

    #if PLANTED_BUGS
    private static let active = PlantedBug.planted.flatMap { ModelFlaw(rawValue: $0) }

    /// `true` if this one is active.
    var isPlanted: Bool { Self.active == self }
    #else
    /// `true` if this one is active: never.
    @inline(__always) var isPlanted: Bool { false }
    #endif
}
