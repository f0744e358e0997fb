// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization
import ZooKeeper

/// A lock that is held until ``release()``, from ``ZooKeeperLock/acquire(waitingUpTo:position:)``.
///
/// If it is dropped without being released, it is released in the background, and that is logged, since it is a
/// mistake.
///
/// It keeps the session of its client open: the end of `ZooKeeperClient.run()` waits for its release, for
/// `ZooKeeperConfiguration.closeTimeout` at most, and nothing tells it of that. Release it before the client is
/// closed.
public final class HeldLock: Sendable {
    /// The lease of the lock.
    public let lease: LockLease
    private let holding: Acquisition.Holding
    private let isReleased = Mutex(false)
    /// Makes a reader of a writer.
    private let downgrade: (@Sendable (Acquisition.Holding) async throws -> HeldLock)?
    private let release: LockRelease
    private let logger: Logger

    convenience init(_ holding: Acquisition.Holding, release: LockRelease, logger: Logger) {
        self.init(holding, release, logger, nil)
    }

    private init(
        _ holding: Acquisition.Holding, _ release: LockRelease, _ logger: Logger,
        _ downgrade: (@Sendable (Acquisition.Holding) async throws -> HeldLock)?
    ) {
        self.downgrade = downgrade
        self.holding = holding
        self.release = release
        self.lease = LockLease(holding.lease, LockLease.Scope())
        self.logger = logger
    }

    deinit {
        guard takeRelease() else { return }
        // One that is lost, or whose client is closed, is nothing to release.
        if holding.lease.end.current == nil {
            logger.info(
                "A held lock was dropped without being released; releasing it now",
                metadata: [LogKeys.lockPath: "\(lease.path)", LogKeys.fencingToken: "\(lease.fencingToken)"])
        }
        lease.scope.close()
        _ = holding.lease.close { holding.contender.release() }
        holding.contender.endHolding()
    }

    /// Releases the lock. Returns when its node is gone, or at ``LockLease/expiresBy`` at the latest; also when the
    /// task is cancelled. Calling it again is harmless.
    ///
    /// - Returns: The loss, if the lock had been lost before.
    /// - Throws: ``LockError`` with code `notReleased` if the servers refuse to delete its node.
    @discardableResult
    public func release() async throws -> LockLoss? {
        guard takeRelease() else { return holding.lease.end.current ?? nil }
        lease.scope.close()
        switch await holding.release(release, logger) {
        case .released: return nil
        case .lost(let loss): return loss
        case .refused(let error): throw LockError(.notReleased, path: lease.path, underlying: error)
        }
    }

    /// Waits until the lock is lost or released.
    ///
    /// - Returns: The loss; `nil` if it was released, or if the waiting task was cancelled.
    public func loss() async -> LockLoss? {
        guard case .value(let loss) = await holding.lease.end.wait() else { return nil }
        return loss
    }

    /// The same hold, of a writer that can go on as a reader.
    func downgraded(by downgrade: @escaping @Sendable (Acquisition.Holding) async throws -> HeldLock) -> HeldLock {
        _ = takeRelease()
        return HeldLock(holding, release, logger, downgrade)
    }

    /// Goes on as a reader of a ``ZooKeeperReadWriteLock`` whose write lock this is: no other writer gets in between, and
    /// readers that wait behind get in. One round trip. This hold is over then, with its lease; the reader's has the same
    /// fencing token.
    ///
    /// - Returns: The read lock, to be released by hand.
    /// - Throws: ``LockError``: `unavailable` if this is no write lock, and then it stays held; `scopeEnded` if it has been
    ///   released; `lost`; `unavailable` if it could not become a reader, and `CancellationError` if the caller is cancelled
    ///   meanwhile, and then it is neither.
    public func downgrade() async throws -> HeldLock {
        guard let downgrade else {
            throw LockError(
                .unavailable, path: lease.path,
                underlying: ZooKeeperError(
                    .invalidArgument, message: "only a write lock can be downgraded, by hand once"))
        }
        guard takeRelease() else { throw LockError(.scopeEnded, path: lease.path) }
        lease.scope.close()
        return try await downgrade(holding)
    }

    private func takeRelease() -> Bool {
        isReleased.withLock { isReleased in
            defer { isReleased = true }
            return !isReleased
        }
    }
}
