import ZooKeeper

/// Known-bad variants of the recipes, as ``PlantedBug`` for the library below: what other libraries got wrong, and what
/// would go wrong here without each of the conditions on which only one contender is ever granted.
///
/// They exist only in a build with `-DPLANTED_BUGS`, which `Scripts/planted-bugs` makes; at most one is active there.
package enum PlantedFlaw: String, CaseIterable, Sendable {
    // Who is granted.
    /// One's own node need not be in the list (go-zookeeper).
    case grantsWithoutItsNode
    /// Any attempt's node is taken for one's own, also that of another session (CURATOR-604).
    case adoptsAnyNode
    /// Granted in a session that may be over.
    case grantsPastTheDeadline
    /// The position in the queue is by the whole name.
    case sortsByName
    /// Writers do not mind readers.
    case writersIgnoreReaders
    /// A reader looks at the first writer only.
    case readersSeeOneWriter
    /// A reader that becomes a writer minds no other reader.
    case upgradesIgnoreReaders

    // The hand-off without a list.
    /// The own node need not have been seen since the list.
    case handsOffUnseen
    /// After a reconnect too.
    case handsOffAfterReconnect
    /// With several in front too.
    case handsOffBehindSeveral
    /// Also in a queue in which others may appear in front (CURATOR-621).
    case handsOffOutOfOrder
    /// A write to the node in the way counts as its removal.
    case anyChangeIsARemoval

    // The list behind the removal of the second nearest.
    /// It counts as if it showed the nearest alone.
    case relistsCountAsAlone
    /// The own node need not have been read behind it.
    case relistsIgnoreTheirNode
    /// If the nearest has gone meanwhile, that is forgotten.
    case relistsForgetTheNearest
    /// There is none: the removal of the second hands off.
    case handsOffByTheSecond

    // Creates of unknown outcome.
    /// Taken for not executed: joins again, and that is all.
    case unknownIsAbsent
    /// The list that looks for it is not behind a sync.
    case listsWithoutSync
    /// A list counts although its sync was answered by another connection, or not before it.
    case listsCountWithoutTheirSync
    /// A list counts although its sync was answered after it, by the same connection.
    case listsCountBeforeTheirSync
    /// A node that is not found is never looked for again.
    case neverChases
    /// Further nodes with one's GUID stay.
    case extrasStay
    /// The last node with one's GUID counts, and the others are waited for.
    case waitsForItself

    // Leaving.
    /// The node of a create under way stays when the caller leaves (kezhuw).
    case cancelledCreatesStay
    /// The same, if its answer was lost.
    case cancelledUnknownsStay
    /// The node of a contender that timed out stays.
    case lateWaitersStay
    /// The node of an attempt that was beaten stays.
    case beatenAttemptsStay

    // Waiting and holding.
    /// A node that vanished before it was read is waited for (ZooKeeper's own WriteLock).
    case waitsForTheVanished
    /// A read whose answer was lost is not made again.
    case lostReadsAreForgotten
    /// A waiter does not mind that its node is gone.
    case waitersIgnoreTheirNode
    /// A holder does not mind that its node is gone (CURATOR-171).
    case holdersIgnoreTheirNode
    /// A waiter's watch on its own node is not set again after it has fired.
    case waitersGoDeaf
    /// The same for a holder.
    case holdersGoDeaf
    /// A watch that has fired during a list is taken for set.
    case spentWatchesCount

    // Names and directories.
    /// A child whose name is a number alone counts as a contender (CURATOR-43).
    case foreignNumbersCount
    /// Numbers that have run out count as foreign.
    case exhaustedIsForeign
    /// A directory that is not there is not made.
    case directoriesAreNotMade

    // Requeueing.
    /// The old node stays when it is not known whether it was exchanged.
    case unknownExchangesStay
    /// The old node stays when the caller leaves.
    case oldPlacesStay

    #if PLANTED_BUGS
    private static let active = PlantedBug.planted.flatMap { PlantedFlaw(rawValue: $0) }

    /// Tells whether this one is active.
    package var isPlanted: Bool { Self.active == self }
    #else
    /// Tells whether this one is active: never.
    @inline(__always) package var isPlanted: Bool { false }
    #endif
}
