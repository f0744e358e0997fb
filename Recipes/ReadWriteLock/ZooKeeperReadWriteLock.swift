// SPDX-License-Identifier: Apache-2.0

public import ZooKeeper

/// A distributed read/write lock: any number of readers at once, or one writer.
///
/// ```swift
/// let lock = ZooKeeperReadWriteLock(client, at: "/locks/catalogue")
/// let entry = try await lock.withReadLock { _ in try await catalogue.read(key) }
/// try await lock.withWriteLock(waitingUpTo: .seconds(5)) { lease in
///     try await catalogue.write(key, value, fence: lease.fencingToken)
/// }
/// ```
///
/// It is fair: participants get it in the order in which they came. A reader that comes behind a waiting writer waits
/// for it, so readers cannot keep a writer out. The nodes are those of Apache Curator's `InterProcessReadWriteLock`;
/// with its JVM users the lock is shared.
///
/// The guarantees are those of ``ZooKeeperLock``, with these differences:
/// * At no transaction of the ensemble does a writer hold the lock together with another participant.
/// * ``LockLease/fencingToken`` orders *writers*. Readers hold the lock at the same time, so a resource must not
///   refuse one because of another's token.
/// * A free lock costs one round trip to get and one to release, for reading and for writing. A reader is woken
///   by the two nearest writers in front, and looks at the list when the farther one goes; a writer looks when it is
///   woken.
///
/// **Again in the same task.** Inside a writing scope both may be entered again; inside a reading scope reading may.
/// Writing inside a reading scope throws `heldByEnclosingScope`, for the writer would wait for its own reader for ever;
/// ``withWriteLockIfAvailable(waitingUpTo:holdingAtMost:isolation:_:)`` does not wait and may succeed. A writer goes on as a reader by
/// ``withWriteLock(waitingUpTo:holdingAtMost:position:isolation:_:thenReading:)``. Other
/// tasks that the body started get `heldByEnclosingScope`, as with ``ZooKeeperLock``.
public struct ZooKeeperReadWriteLock: Sendable {
    /// The settings of a read/write lock.
    public typealias Configuration = RecipeConfiguration<ReadWriteLockDialect>

    /// The directory of the queue.
    public let path: ZNodePath
    let client: ZooKeeperClient
    private let configuration: Configuration
    private let readers: ContenderSettings
    private let writers: ContenderSettings

    /// Creates a read/write lock. Nothing is sent before it is used.
    ///
    /// - Parameters:
    ///   - client: The client whose sessions are used.
    ///   - path: The directory of the queue. It is created with its parents when needed.
    ///   - configuration: See ``RecipeConfiguration``.
    public init(_ client: ZooKeeperClient, at path: ZNodePath, configuration: Configuration = .init()) {
        self.client = client
        self.path = path
        self.configuration = configuration
        readers = configuration.contenderSettings(.shared, at: path, of: client, .read)
        writers = configuration.contenderSettings(.exclusive, at: path, of: client, .write)
    }

    /// A lock below the root of a view: `ZooKeeperOperations.rooted(at:)`. Its paths, in ``path``, in leases and in
    /// errors, are those that the client itself knows.
    public init(
        _ view: RootedOperations<ZooKeeperClient>, at path: ZNodePath, configuration: Configuration = .init()
    ) {
        self.init(view.base, at: view.absolute(path), configuration: configuration)
    }

    // MARK: Scopes

    /// Waits until no writer is in front, runs `body` together with other readers, releases the lock.
    ///
    /// Everything else is as in ``ZooKeeperLock/withLock(waitingUpTo:holdingAtMost:position:isolation:_:)``.
    @discardableResult
    public func withReadLock<Success>(
        waitingUpTo limit: Duration? = nil,
        holdingAtMost holdLimit: Duration? = nil,
        position: QueuePosition? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (LockLease) async throws -> Success
    ) async throws -> Success {
        try await reading(position, holdLimit).run(waitingUpTo: limit, isolation: isolation, body)
    }

    /// Waits until nobody is in front, runs `body` alone, releases the lock.
    ///
    /// Everything else is as in ``ZooKeeperLock/withLock(waitingUpTo:holdingAtMost:position:isolation:_:)``.
    @discardableResult
    public func withWriteLock<Success>(
        waitingUpTo limit: Duration? = nil,
        holdingAtMost holdLimit: Duration? = nil,
        position: QueuePosition? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (LockLease) async throws -> Success
    ) async throws -> Success {
        try await writing(position, holdLimit).run(waitingUpTo: limit, isolation: isolation, body)
    }

    /// Waits until nobody is in front, runs `write` alone, then goes on as a reader and runs `read` with what `write`
    /// returned. Between the two no other writer gets in: the writer becomes a reader in one transaction, and a
    /// participant that waited behind the writer waits behind the reader, if it wants to write.
    ///
    /// The reader's node has the format of Curator 5.5 and later. Older ones wait behind it too; what lets a waiting
    /// writer in is only their own way of doing the same (CURATOR-621). The reader keeps the writer's fencing token.
    ///
    /// If `write` throws, the lock is released and `read` does not run. Everything else is as in
    /// ``ZooKeeperLock/withLock(waitingUpTo:holdingAtMost:position:isolation:_:)``; inside a writing scope of the same task both run
    /// as part of that scope.
    ///
    /// - Parameters:
    ///   - limit: The limit of the wait for the write lock; `nil`: none. Zero or less throws `timedOut`.
    ///   - holdLimit: The time after which the body is cancelled that runs then, `write` or `read`; counted from the
    ///     moment at which the writer has the lock.
    ///   - position: Shows the position in the queue during the wait.
    ///   - isolation: The actor on which both bodies run: the caller's.
    ///   - write: Runs while this participant is the writer.
    ///   - read: Runs while it is a reader, with the result of `write`.
    /// - Throws: Also ``LockError`` with code `unavailable` if it could not become a reader, after `write` and instead
    ///   of `read`.
    @discardableResult
    public func withWriteLock<Written, Success>(
        waitingUpTo limit: Duration? = nil,
        holdingAtMost holdLimit: Duration? = nil,
        position: QueuePosition? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ write: (LockLease) async throws -> Written,
        thenReading read: (LockLease, Written) async throws -> Success
    ) async throws -> Success {
        let writing = writing(position, holdLimit)
        if let outer = try writing.entered() {
            let written = try await writing.enterAgain(outer, write)
            return try await writing.enterAgain(outer) { try await read($0, written) }
        }
        let holding = try await writing.wait(upTo: limit)
        let holdEnd = holdLimit.map { Moment.now + $0 }
        switch await writing.inside(holding, write) {
        case .success(let written):
            let asReader = try await downgraded(holding)
            let timeLeft = holdEnd.map { Moment.now.duration(to: $0) }
            return try await reading(nil, timeLeft).hold(asReader) { try await read($0, written) }
        case .failure(let error):
            return try writing.finish(.failure(error), await holding.release(configuration.release, client.logger))
        }
    }

    /// A hold in the hand of its caller.
    private func held(_ holding: Acquisition.Holding) -> HeldLock {
        holding.contender.watchOwnNode()
        return HeldLock(holding, release: configuration.release, logger: client.logger)
    }

    /// Turns the hold of a writer into that of a reader, with the same sequence number.
    private func downgraded(_ holding: Acquisition.Holding) async throws -> Acquisition.Holding {
        let lease = holding.lease
        // From here on the writer's node may go without that being a loss.
        if let loss = lease.close(release: {}) {
            holding.contender.release()
            holding.contender.endHolding()
            throw LockError(.lost, path: path, loss: loss)
        }
        defer { holding.contender.endHolding() }
        let exchange = Downgrade(session: lease.session, settings: readers)
        let writer = lease.nodePath.name
        do {
            guard let reader = try await exchange.run(from: writer) else {
                holding.contender.nodeWasExchanged()
                throw LockError(.lost, path: path, loss: .nodeDeleted)
            }
            let contender = Contender(
                session: lease.session, settings: readers, holding: reader,
                token: lease.token)
            guard case .granted(let held, _)? = contender.decision.current else {
                throw LockError(.unavailable, path: path)
            }
            holding.contender.nodeWasExchanged()
            // A request to the writer counts for the reader.
            if lease.revocationRequested.current == true { held.requestRevocation() }
            if let instruments = readers.instruments { held.measure(instruments) }
            return Acquisition.Holding(contender: contender, lease: held, isWatched: false)
        } catch let error as ZooKeeperError {
            // Which of the two is there is not known; neither will be.
            holding.contender.release()
            if let reader = exchange.settings.dialect.reader(from: writer) {
                lease.session.janitor.remove(path.child(reader), in: lease.session)
            }
            if error.code == .cancelled { throw CancellationError() }
            if error.code == .sessionLost {
                throw LockError(.lost, path: path, loss: .sessionEnded(lease.session.state), underlying: error)
            }
            throw LockError(.unavailable, path: path, underlying: error)
        }
    }

    /// Runs `body` as a reader if no writer holds the lock or waits for it; returns `nil` at once if one does, which
    /// costs one read and no write. Everything else is as in
    /// ``ZooKeeperLock/withLockIfAvailable(waitingUpTo:holdingAtMost:isolation:_:)``.
    public func withReadLockIfAvailable<Success>(
        waitingUpTo limit: Duration? = nil,
        holdingAtMost holdLimit: Duration? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (LockLease) async throws -> Success
    ) async throws -> Success? {
        try await reading(nil, holdLimit).runIfAvailable(waitingUpTo: limit, isolation: isolation, body)
    }

    /// Runs `body` as the writer if no participant holds the lock or waits for it; returns `nil` at once if one does,
    /// which costs one read and no write.
    ///
    /// Inside a reading scope of the same task it upgrades: the scope's own reader is not in the way. Of two readers
    /// that try at the same time, neither succeeds and neither waits; both may give up reading and wait to write. When
    /// `body` has ended, the scope goes on as a reader.
    ///
    /// Everything else is as in ``ZooKeeperLock/withLockIfAvailable(waitingUpTo:holdingAtMost:isolation:_:)``. Inside a reading
    /// scope, an attempt is made in that scope's session only.
    public func withWriteLockIfAvailable<Success>(
        waitingUpTo limit: Duration? = nil,
        holdingAtMost holdLimit: Duration? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (LockLease) async throws -> Success
    ) async throws -> Success? {
        try await writing(nil, holdLimit).runIfAvailable(waitingUpTo: limit, isolation: isolation, body)
    }

    // MARK: By hand

    /// As ``ZooKeeperLock/acquire(waitingUpTo:position:)``, for reading.
    public func acquireReadLock(
        waitingUpTo limit: Duration? = nil, position: QueuePosition? = nil
    ) async throws -> HeldLock {
        try await reading(position).acquire(waitingUpTo: limit)
    }

    /// As ``ZooKeeperLock/acquire(waitingUpTo:position:)``, for writing. ``HeldLock/downgrade()`` goes on as a
    /// reader.
    public func acquireWriteLock(
        waitingUpTo limit: Duration? = nil, position: QueuePosition? = nil
    ) async throws -> HeldLock {
        try await writing(position).acquire(waitingUpTo: limit).downgraded { try await held(downgraded($0)) }
    }

    /// As ``ZooKeeperLock/acquireIfAvailable(waitingUpTo:)``, for reading.
    public func acquireReadLockIfAvailable(waitingUpTo limit: Duration? = nil) async throws -> HeldLock? {
        try await reading().acquireIfAvailable(waitingUpTo: limit)
    }

    /// As ``ZooKeeperLock/acquireIfAvailable(waitingUpTo:)``, for writing.
    public func acquireWriteLockIfAvailable(waitingUpTo limit: Duration? = nil) async throws -> HeldLock? {
        let writer = try await writing().acquireIfAvailable(waitingUpTo: limit)
        return writer?.downgraded { try await held(downgraded($0)) }
    }

    // MARK: Looking at it

    /// Reads the holders and those that wait, in order: `kind` is `shared` for readers. Two round trips.
    ///
    /// - Throws: `ZooKeeperError`: what any call may throw.
    public func participants(file: String = #fileID, line: Int = #line) async throws -> [Participant] {
        try await queue.participants(file, line)
    }

    /// The holders and those that wait, as they come and go: see ``ParticipantUpdates``.
    public var participantUpdates: ParticipantUpdates { ParticipantUpdates(queue: queue) }

    // MARK: Revocation

    /// Requests the release of the lock from a participant that holds it or waits for it. The participant is told, and
    /// decides: see ``LockLease/revocationRequest()`` and, in Curator, `makeRevocable`. One round trip.
    ///
    /// - Returns: `false` if the participant has left the queue.
    /// - Throws: `ZooKeeperError`: `invalidArgument` if it is a participant of another lock; `noAuth`; and what any call
    ///   may throw.
    @discardableResult
    public func requestRevocation(
        of participant: Participant, file: String = #fileID, line: Int = #line
    ) async throws -> Bool {
        do throws(ZooKeeperError) { return try await RevocationRequest.send(to: participant, of: queue) } catch {
            throw error.at(file: file, line: line)
        }
    }

    private var queue: QueueReader {
        QueueReader(client: client, path: path, dialect: configuration.dialect.scheme.dialect)
    }

    private func reading(_ position: QueuePosition? = nil, _ holdLimit: Duration? = nil) -> LockScope {
        scope(readers, position, holdLimit)
    }

    private func writing(_ position: QueuePosition? = nil, _ holdLimit: Duration? = nil) -> LockScope {
        scope(writers, position, holdLimit)
    }

    private func scope(
        _ settings: ContenderSettings, _ position: QueuePosition?, _ holdLimit: Duration?
    ) -> LockScope {
        LockScope(
            client: client, settings: settings, position: position,
            release: configuration.release,
            cancelsBodyOnRevocationRequest: configuration.isBodyRevocable, holdLimit: holdLimit)
    }
}
