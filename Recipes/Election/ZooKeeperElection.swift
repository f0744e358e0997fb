// SPDX-License-Identifier: Apache-2.0

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

    /// Creates an election, and no candidate yet. Nothing is sent before it is used.
    ///
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
        settings = configuration.contenderSettings(.exclusive, at: path, of: client, .election)
    }

    /// An election below the root of a view: `ZooKeeperOperations.rooted(at:)`. Its paths, in ``path``, in leases and in
    /// errors, are those that the client itself knows.
    public init(
        _ view: RootedOperations<ZooKeeperClient>, at path: ZNodePath, configuration: Configuration = .init()
    ) {
        self.init(view.base, at: view.absolute(path), configuration: configuration)
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
    ///   - holdLimit: The time after which `body` is cancelled; `nil`: none. It resigns when `body` has ended; if that then
    ///     throws, `heldTooLong` is thrown with its error.
    ///   - position: Shows the position in the queue during the wait.
    ///   - isolation: The actor on which `body` runs: the caller's.
    ///   - body: Runs while this candidate leads.
    /// - Throws: The error of `body`. `CancellationError` if the caller is cancelled before it is elected.
    ///   ``LockError``:
    ///   `timedOut`, `lost`, `notReleased`, `heldTooLong`, `heldByEnclosingScope`, `mixedKinds`,
    ///   `sequenceExhausted`, `unavailable`.
    @discardableResult
    public func withLeadership<Success>(
        waitingUpTo limit: Duration? = nil,
        holdingAtMost holdLimit: Duration? = nil,
        position: QueuePosition? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (LockLease) async throws -> Success
    ) async throws -> Success {
        try await scope(position, holdLimit).run(waitingUpTo: limit, isolation: isolation, body)
    }

    /// Runs `body` as the leader if there is no other candidate; returns `nil` at once if there is one, which costs one read
    /// and no write.
    ///
    /// Everything else is as in ``ZooKeeperLock/withLockIfAvailable(waitingUpTo:holdingAtMost:isolation:_:)``.
    public func withLeadershipIfAvailable<Success>(
        waitingUpTo limit: Duration? = nil,
        holdingAtMost holdLimit: Duration? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (LockLease) async throws -> Success
    ) async throws -> Success? {
        try await scope(nil, holdLimit).runIfAvailable(waitingUpTo: limit, isolation: isolation, body)
    }

    /// The decision of a leader at the end of its term.
    @nonexhaustive
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
    /// Everything else is as in ``withLeadership(waitingUpTo:holdingAtMost:position:isolation:_:)``; also a term that is lost
    /// throws.
    ///
    /// - Parameters:
    ///   - limit: The limit of the wait for each election, past which it throws `timedOut` and is no candidate any more;
    ///     `nil`: none.
    ///   - holdLimit: The longest term: see there.
    ///   - isolation: The actor on which `body` runs: the caller's.
    ///   - body: Runs in each term.
    public func withTerms(
        waitingUpTo limit: Duration? = nil, holdingAtMost holdLimit: Duration? = nil,
        isolation: isolated (any Actor)? = #isolation, _ body: (LockLease) async throws -> TermEnd
    ) async throws {
        try await terms(waitingUpTo: limit, holdingAtMost: holdLimit, position: nil, body)
    }

    /// - Parameter position: Shows the position in the queue before the first term.
    func terms(
        waitingUpTo limit: Duration? = nil, holdingAtMost holdLimit: Duration? = nil, position: QueuePosition?,
        isolation: isolated (any Actor)? = #isolation, _ body: (LockLease) async throws -> TermEnd
    ) async throws {
        let scope = scope(position, holdLimit)
        if let outer = try scope.enclosing() {
            while try await scope.enterAgain(outer, body) == .requeue {}
            return
        }
        var holding = try await scope.wait(upTo: limit)
        while true {
            switch await scope.inside(holding, body) {
            case .success(.requeue): holding = try await scope.wait(replacing: holding, upTo: limit)
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

    /// Becomes the leader if there is no other candidate; returns `nil` at once if there is one, which costs one read and no
    /// write. ``HeldLock/release()`` resigns.
    ///
    /// As ``ZooKeeperLock/acquireIfAvailable(waitingUpTo:)``.
    public func acquireLeadershipIfAvailable(waitingUpTo limit: Duration? = nil) async throws -> HeldLock? {
        try await scope().acquireIfAvailable(waitingUpTo: limit)
    }

    /// Deletes the node of a candidate. If it leads, it steps down at once and the next one is elected; one that waits
    /// joins again at the end of the queue. (Curator's latch and selector, and kazoo, do not notice that theirs is
    /// gone.)
    ///
    /// - Returns: `false` if it was no candidate any more.
    /// - Throws: `ZooKeeperError`: `invalidArgument` if it is no candidate of this election; `noAuth`; and what any call may
    ///   throw.
    @discardableResult
    public func depose(
        _ candidate: Participant, file: String = #fileID, line: Int = #line
    ) async throws -> Bool {
        do throws(ZooKeeperError) {
            try candidate.requireMembership(of: path, configuration.dialect.scheme.dialect)
            try await client.send(Delete(candidate.path))
            return true
        } catch {
            if error.code == .noNode { return false }
            throw error.at(file: file, line: line)
        }
    }

    // MARK: Looking at it

    /// Reads who leads, or should: the first in the queue. It may not have noticed yet that it was elected, or that it
    /// is over.
    /// `nil` if there is no candidate. Two round trips.
    ///
    /// - Throws: `ZooKeeperError`: what any call may throw.
    public func leader(file: String = #fileID, line: Int = #line) async throws -> Participant? {
        try await queue.participants(file, line).first
    }

    /// Reads the candidates, in order, the leader first. Two round trips.
    ///
    /// - Throws: `ZooKeeperError`: what any call may throw.
    public func participants(file: String = #fileID, line: Int = #line) async throws -> [Participant] {
        try await queue.participants(file, line)
    }

    /// The candidates, as they come and go: see ``ParticipantUpdates``.
    public var participantUpdates: ParticipantUpdates { ParticipantUpdates(queue: queue) }

    /// The leaders, as they change: see ``Leaders``.
    public var leaders: Leaders { Leaders(queue: queue) }

    private var queue: QueueReader {
        QueueReader(client: client, path: path, dialect: configuration.dialect.scheme.dialect)
    }

    private func scope(_ position: QueuePosition? = nil, _ holdLimit: Duration? = nil) -> LockScope {
        LockScope(
            client: client, settings: settings, position: position,
            watchesAtOnce: true, release: configuration.release,
            cancelsBodyOnRevocationRequest: configuration.isBodyRevocable, holdLimit: holdLimit)
    }
}
