public import ZooKeeper

/// An election: one leader at any moment among all processes that are candidates at the same path.
///
/// ```swift
/// let election = ZooKeeperElection(client, at: "/elections/scheduler")
/// try await election.withLeadership { lease in
///     for await job in jobs {
///         try lease.checkHeld()
///         try await run(job, fence: lease.fencingToken)
///     }
/// }
/// ```
///
/// The queue of candidates consists of the nodes of Apache Curator's `LeaderLatch` (or, by ``ElectionDialect``, its
/// `LeaderSelector` or kazoo's `Election`); with its JVM users the election is shared. The first in the queue leads.
/// It leads until its body ends, its session is lost, or an operator deletes its node, which makes it step down at
/// once.
///
/// The guarantees are those of ``ZooKeeperLock``: the lease, its deadline, its fencing token and its guarded
/// transactions are the same. The removal of the leader's node is noticed from the first moment.
///
/// In a service, use ``LeaderService``, which becomes a candidate again after each term.
public struct ZooKeeperElection: Sendable {
    /// The settings of an election.
    public typealias Configuration = RecipeConfiguration<ElectionDialect>

    /// The directory of the candidates.
    public let path: ZNodePath
    /// The name by which the other participants know this one: ``RecipeConfiguration/id``.
    public var id: String { configuration.id }
    let client: ZooKeeperClient
    private let configuration: Configuration
    private let settings: ContenderSettings

    /// - Parameters:
    ///   - client: The client whose sessions are used.
    ///   - path: The directory of the candidates. It is created with its parents when needed.
    ///   - configuration: See ``RecipeConfiguration``.
    public init(
        _ client: ZooKeeperClient, at path: ZNodePath, configuration: Configuration = .init()
    ) {
        self.client = client
        self.path = path
        self.configuration = configuration
        settings = configuration.contenderSettings(.exclusive, at: path)
    }

    // MARK: Leading

    /// Becomes a candidate, runs `body` while it leads, and resigns when `body` has ended.
    ///
    /// When leadership is lost, the task that runs `body` is cancelled, and the caller is not; the loss is thrown when
    /// `body` has ended. `body` does not escape, need not be Sendable, and runs in the caller's isolation. Elected at
    /// once if there is no other candidate: one round trip. The next candidate is elected by the event of this one's
    /// resignation.
    ///
    /// - Parameters:
    ///   - limit: The limit of the wait for the election; `nil`: none. Zero or less throws `timedOut`.
    ///   - position: Shows the position in the queue during the wait.
    ///   - body: Runs while this candidate leads.
    /// - Throws: The error of `body`. `CancellationError` if the caller is cancelled before it is elected.
    ///   ``LockError``:
    ///   `timedOut`, `lost`, `notReleased`, `heldByEnclosingScope`, `sequenceExhausted`, `unavailable`.
    @discardableResult
    public func withLeadership<Success>(
        waitingUpTo limit: Duration? = nil,
        position: QueuePosition? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (LockLease) async throws -> Success
    ) async throws -> Success {
        try await scope(position).run(waitingUpTo: limit, isolation: isolation, body)
    }

    /// The decision of a leader at the end of its term.
    public enum TermEnd: Sendable, Hashable {
        /// Leaves.
        case resign
        /// Becomes a candidate again, at the end of the queue.
        case requeue
    }

    /// Leads again and again: runs `body` each time this candidate is elected, until it returns ``TermEnd/resign``.
    ///
    /// Requeueing is one transaction, which deletes the old node and creates the new one: the next candidate is elected
    /// by it, and there is no moment at which this one is not in the queue. Curator's `LeaderSelector.autoRequeue`
    /// takes three round trips for it.
    ///
    /// Everything else is as in ``withLeadership(waitingUpTo:position:isolation:_:)``; also a term that is lost throws.
    public func withTerms(
        isolation: isolated (any Actor)? = #isolation, _ body: (LockLease) async throws -> TermEnd
    ) async throws {
        let scope = scope()
        if let outer = try scope.enclosing() {
            while try await scope.enterAgain(outer, body) == .requeue {}
            return
        }
        var holding = try await scope.wait(upTo: nil)
        while true {
            switch await scope.inside(holding, body) {
            case .success(.requeue): holding = try await scope.wait(replacing: holding)
            case .success(.resign):
                return try scope.finish(.success(()), await holding.release(scope.release, client.logger))
            case .failure(let error):
                return try scope.finish(.failure(error), await holding.release(scope.release, client.logger))
            }
        }
    }

    /// Becomes a candidate, and returns when elected; ``HeldLock/release()`` resigns.
    ///
    /// As ``ZooKeeperLock/acquire(waitingUpTo:position:)``.
    public func acquireLeadership(
        waitingUpTo limit: Duration? = nil, position: QueuePosition? = nil
    ) async throws -> HeldLock {
        try await scope(position).acquire(waitingUpTo: limit)
    }

    /// Deletes the node of a candidate. If it leads, it steps down at once and the next one is elected; one that waits
    /// joins again at the end of the queue. (Curator's latch and selector, and kazoo, do not notice that theirs is
    /// gone.)
    ///
    /// - Returns: `false` if it was no candidate any more.
    /// - Throws: ``ZooKeeperError``: what any call may throw.
    @discardableResult
    public func depose(_ candidate: Participant) async throws -> Bool {
        do {
            try await client.send(Delete(candidate.path))
            return true
        } catch {
            if error.code == .noNode { return false }
            throw error
        }
    }

    // MARK: Looking at it

    /// Reads who leads, or should: the first in the queue. It may not have noticed yet that it was elected, or that it
    /// is over.
    /// `nil` if there is no candidate. Two round trips.
    ///
    /// - Throws: ``ZooKeeperError``: what any call may throw.
    public func leader() async throws -> Participant? {
        try await participants().first
    }

    /// Reads the candidates, in order, the leader first. Two round trips.
    ///
    /// - Throws: ``ZooKeeperError``: what any call may throw.
    public func participants() async throws -> [Participant] {
        try await queue.participants()
    }

    /// The candidates, as they come and go: see ``ParticipantUpdates``.
    public var participantUpdates: ParticipantUpdates { ParticipantUpdates(queue: queue) }

    /// The leaders, as they change: see ``Leaders``.
    public var leaders: Leaders { Leaders(queue: queue) }

    private var queue: QueueReader {
        QueueReader(client: client, path: path, dialect: configuration.dialect.scheme.dialect)
    }

    private func scope(_ position: QueuePosition? = nil) -> LockScope {
        LockScope(
            client: client, settings: settings, position: position,
            watchesAtOnce: true, release: configuration.release,
            cancelsBodyOnRevocationRequest: configuration.isBodyRevocable)
    }
}
