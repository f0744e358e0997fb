// SPDX-License-Identifier: Apache-2.0

import Logging
public import ZooKeeper

/// A distributed lock: at most one holder at any moment, among all processes that use the same path.
///
/// ```swift
/// let lock = ZooKeeperLock(client, at: "/locks/invoices")
/// try await lock.withLock(waitingUpTo: .seconds(5)) { lease in
///     try await ledger.close(month, fence: lease.fencingToken)
/// }
/// ```
///
/// It is fair: participants get it in the order in which they came. The nodes are those of Apache Curator's
/// `InterProcessMutex`; with its JVM users the lock is shared. A free lock costs one round trip to acquire and one to
/// release.
///
/// **Guarantees.**
/// 1. At no transaction of the ensemble are two contenders of one path both first in the queue, and only the first is
///    granted. (The proof: <doc:ProofOfExclusion>.)
/// 2. After ``LockLease/expiresBy``, ``LockLease/checkHeld(for:)`` throws and the body has been cancelled (under
///    ``LossPolicy/onExpiry`` it only throws).
/// 3. ``LockLease/transaction(_:file:line:)-([TransactionOperation],_,_)`` goes through only while the lock is held.
/// 4. A resource that compares ``LockLease/fencingToken`` refuses every older holder.
/// 5. Every call returns. A cancelled or timed-out one leaves no node in the queue.
///
/// **Where they end.** A body that ignores its cancellation, or a process that is paused, runs on while another
/// participant holds the lock: cancellation cannot force it. Against that, use 3 or 4.
///
/// **Again in the same task.** Inside the body, `withLock` on the same path, client and dialect enters again at once
/// with the same token. Another task that the body started (`async let`, `Task {}`, a task group) gets
/// `heldByEnclosingScope`: it runs beside the body, so letting it in would break the lock, and waiting could last for
/// ever. A detached task waits like any other participant.
public struct ZooKeeperLock: Sendable {
    /// The settings of a lock.
    public typealias Configuration = RecipeConfiguration<LockDialect>

    /// The directory of the queue.
    public let path: ZNodePath
    let client: ZooKeeperClient
    let configuration: Configuration
    private let settings: ContenderSettings

    /// Creates a lock. Nothing is sent before it is used.
    ///
    /// - Parameters:
    ///   - client: The client whose sessions are used.
    ///   - path: The directory of the queue. It is created with its parents as containers when needed, and removed by
    ///     the servers when empty.
    ///   - configuration: See ``RecipeConfiguration``.
    public init(_ client: ZooKeeperClient, at path: ZNodePath, configuration: Configuration = .init()) {
        self.client = client
        self.path = path
        self.configuration = configuration
        settings = configuration.contenderSettings(.exclusive, at: path, of: client, .lock)
    }

    /// A lock below the root of a view: `ZooKeeperOperations.rooted(at:)`. Its paths, in ``path``, in leases and in
    /// errors, are those that the client itself knows.
    public init(
        _ view: RootedOperations<ZooKeeperClient>, at path: ZNodePath, configuration: Configuration = .init()
    ) {
        self.init(view.base, at: view.absolute(path), configuration: configuration)
    }

    // MARK: Scopes

    /// Waits for the lock, runs `body` while it is held, releases it.
    ///
    /// `body` does not escape, need not be Sendable, and runs in the caller's isolation, in a child task. When the
    /// lock is lost, that task is cancelled, and the caller is not; the loss is thrown when `body` has ended. If
    /// `body` returned before the loss, its result counts.
    ///
    /// When the client is closed or the caller cancelled, `body` is cancelled too, and that is no loss: the lock is
    /// held until `body` has ended, and the lease and the client go on working; only nothing new can be acquired. (In a
    /// task that is cancelled, requests throw `cancelled`: what must still be sent goes into a `Task` of its own.)
    ///
    /// - Parameters:
    ///   - limit: The limit of the wait, over everything it takes; `nil`: none. Zero or less throws `timedOut`
    ///     and sends nothing; see ``withLockIfAvailable(waitingUpTo:holdingAtMost:isolation:_:)``.
    ///   - holdLimit: The time after which `body` is cancelled; `nil`: none. The lock is released when `body` has ended, not
    ///     before; if it then throws, `heldTooLong` is thrown with its error. Not for a lock that is entered again.
    ///   - position: Shows the position in the queue during the wait.
    ///   - isolation: The actor on which `body` runs: the caller's.
    ///   - body: Runs while the lock is held.
    /// - Returns: The result of `body`, after the lock has been released (or cannot be held any longer anyway).
    /// - Throws: The error of `body`. `CancellationError` if the caller is cancelled while it waits. ``LockError``:
    ///   `timedOut`, `lost`, `notReleased`, `heldTooLong`, `heldByEnclosingScope`, `mixedKinds`, `sequenceExhausted`,
    ///   `unavailable`.
    @discardableResult
    public func withLock<Success>(
        waitingUpTo limit: Duration? = nil,
        holdingAtMost holdLimit: Duration? = nil,
        position: QueuePosition? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (LockLease) async throws -> Success
    ) async throws -> Success {
        try await scope(position, holdLimit).run(waitingUpTo: limit, isolation: isolation, body)
    }

    /// Runs `body` if no participant holds the lock or waits for it; returns `nil` at once if one does.
    ///
    /// A lock that is taken costs one read and no write. "Taken" may be old news by a moment.
    ///
    /// - Parameters:
    ///   - limit: The limit of the wait for the servers' answers, over as many connections and sessions as it takes, past
    ///     which it throws `timedOut`; `nil`: the time-outs of the client, past which, or when the connection is lost, it
    ///     throws `unavailable`.
    ///   - holdLimit: As in ``withLock(waitingUpTo:holdingAtMost:position:isolation:_:)``.
    ///   - isolation: The actor on which `body` runs: the caller's.
    ///   - body: Runs while the lock is held.
    /// - Throws: As ``withLock(waitingUpTo:holdingAtMost:position:isolation:_:)``.
    public func withLockIfAvailable<Success>(
        waitingUpTo limit: Duration? = nil,
        holdingAtMost holdLimit: Duration? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (LockLease) async throws -> Success
    ) async throws -> Success? {
        try await scope(nil, holdLimit).runIfAvailable(waitingUpTo: limit, isolation: isolation, body)
    }

    // MARK: By hand

    /// Waits for the lock, and returns it to be released by hand.
    ///
    /// Scopes are safer: use them where the code allows it. This is for a lock whose life is that of an object. It is
    /// not entered again: `withLock` on the same path in the same task waits behind it, for ever if need be.
    ///
    /// - Parameters:
    ///   - limit: As in ``withLock(waitingUpTo:holdingAtMost:position:isolation:_:)``.
    ///   - position: Shows the position in the queue during the wait.
    /// - Throws: ``LockError``: `timedOut`, `cancelled`, `heldByEnclosingScope`, `mixedKinds`, `sequenceExhausted`,
    ///   `unavailable`.
    public func acquire(
        waitingUpTo limit: Duration? = nil, position: QueuePosition? = nil
    ) async throws -> HeldLock {
        try await scope(position).acquire(waitingUpTo: limit)
    }

    /// Takes the lock if no participant holds it or waits for it, to be released by hand; returns `nil` at once if one does,
    /// which costs one read and no write.
    ///
    /// - Parameter limit: As in ``withLockIfAvailable(waitingUpTo:holdingAtMost:isolation:_:)``.
    /// - Throws: ``LockError``: `timedOut`, `cancelled`, `heldByEnclosingScope`, `mixedKinds`, `sequenceExhausted`,
    ///   `unavailable`.
    public func acquireIfAvailable(waitingUpTo limit: Duration? = nil) async throws -> HeldLock? {
        try await scope().acquireIfAvailable(waitingUpTo: limit)
    }

    // MARK: Looking at it

    /// Reads the holder and those that wait, in order, the holder first. Two round trips.
    ///
    /// - Throws: `ZooKeeperError`: what any call may throw.
    public func participants(file: String = #fileID, line: Int = #line) async throws -> [Participant] {
        try await queue.participants(file, line)
    }

    /// The holder and those that wait, as they come and go: see ``ParticipantUpdates``.
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

    private func scope(_ position: QueuePosition? = nil, _ holdLimit: Duration? = nil) -> LockScope {
        LockScope(
            client: client, settings: settings, position: position,
            release: configuration.release,
            cancelsBodyOnRevocationRequest: configuration.isBodyRevocable, holdLimit: holdLimit)
    }
}
