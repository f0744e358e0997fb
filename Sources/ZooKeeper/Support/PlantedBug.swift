#if PLANTED_BUGS
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
#endif

/// Known-bad variants of this library, to show that the tests would notice: each takes away one of the things that keep
/// the C client's defects from users.
///
/// They exist only in a build with `-DPLANTED_BUGS`, which `Scripts/planted-bugs` makes, and there at most one is
/// active: the one that the environment variable `PLANTED_BUG` names. In every other build ``isPlanted`` is the
/// constant `false`, and nothing can switch one on.
package enum PlantedBug: String, CaseIterable, Sendable {
    // Calls and their answers.
    /// Calls that the C client forgets at close are never answered.
    case noDrainAfterClose
    /// An answer finishes a call that was finished before.
    case repliesFinishTwice
    /// A call that waits for a connection waits for ever.
    case callsWaitForEver
    /// A write whose answer was lost is sent again.
    case writesAreRetried
    /// A read whose answer was lost fails.
    case readsAreNotRetried
    /// Any number of requests is handed to the C client.
    case noPermits
    /// `close` waits for as long as the C client takes.
    case closeWithoutDeadline
    /// The C client's handle is not closed when a session ends.
    case handlesStayOpen

    // Locks at the edges.
    /// A session that is closed ends at once, also while bodies run that rely on it.
    case closesUnderBodies
    /// A removal that the servers refuse is forgotten.
    case refusalsAreForgotten
    /// Waiting for a lock ends when there is no session for as long as one request may wait.
    case patienceEnds

    // Bad input.
    /// Every path is taken.
    case noPathValidation
    /// Requests of any length are sent.
    case noLengthLimit
    /// Containers in a transaction are sent.
    case containersInTransactions
    /// Any number of paths can be watched.
    case noWatchBudget
    /// A sequential node at `/` gets its digits behind the chroot's own name.
    case chrootLeaks

    // Sessions.
    /// Whatever answers is taken for a server.
    case handshakeUnchecked
    /// Silence is borne for ever.
    case neverAbandoned
    /// Any answer moves the deadline of leases.
    case anyAnswerCountsForLeases
    /// The deadline counts from the answer and not from the request.
    case deadlineFromTheAnswer
    /// Heartbeats are reads also while a lock is held.
    case heartbeatsMissTheLeader

    // Names, watches, processes.
    /// The C client gets host names.
    case namesForTheCClient
    /// The C client asks for its servers' addresses again and again.
    case defaultResolutionDelay
    /// A watch that nobody holds stays on the server.
    case watchesStay
    /// Watches are not told that their session is over.
    case watchesHangAtTheEnd
    /// Children inherit the connection.
    case connectionsAreInherited

    #if PLANTED_BUGS
    /// The bug that is planted: one of these, or one of the recipes.
    package static let planted = unsafe getenv("PLANTED_BUG").map {
        // Copied at once; nothing changes the environment.
        unsafe String(cString: $0)
    }
    private static let active = planted.flatMap { PlantedBug(rawValue: $0) }

    /// Tells whether this one is active.
    package var isPlanted: Bool { Self.active == self }
    #else
    /// Tells whether this one is active: never.
    @inline(__always) package var isPlanted: Bool { false }
    #endif
}
