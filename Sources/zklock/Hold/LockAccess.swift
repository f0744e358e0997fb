// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

/// The lock that a request is about.
struct LockAccess {
    private enum Lock {
        case mutex(ZooKeeperLock)
        case shared(ZooKeeperReadWriteLock)
        case exclusive(ZooKeeperReadWriteLock)
    }

    private let lock: Lock
    private let request: HoldRequest

    init(_ client: ZooKeeperClient, _ request: HoldRequest) {
        self.request = request
        let mutex = ZooKeeperLock.Configuration(dialect: request.isKazoo ? .kazoo : .curator, id: request.id)
        let readWrite = ZooKeeperReadWriteLock.Configuration(
            dialect: request.isKazoo ? .kazoo : .curator, id: request.id)
        switch request.kind {
        case .mutex: lock = .mutex(ZooKeeperLock(client, at: request.path, configuration: mutex))
        case .shared: lock = .shared(ZooKeeperReadWriteLock(client, at: request.path, configuration: readWrite))
        case .exclusive: lock = .exclusive(ZooKeeperReadWriteLock(client, at: request.path, configuration: readWrite))
        }
    }

    /// Runs `body` under the lock.
    ///
    /// - Returns: `nil` if the lock is taken and is not to be waited for.
    func run<Success>(
        _ position: QueuePosition, _ body: (LockLease) async throws -> Success
    ) async throws -> Success? {
        let limit: Duration? = if case .upTo(let limit) = request.patience { limit } else { nil }
        return switch (lock, request.patience == .none) {
        case (.mutex(let lock), false): try await lock.withLock(waitingUpTo: limit, position: position, body)
        case (.shared(let lock), false): try await lock.withReadLock(waitingUpTo: limit, position: position, body)
        case (.exclusive(let lock), false): try await lock.withWriteLock(waitingUpTo: limit, position: position, body)
        case (.mutex(let lock), true): try await lock.withLockIfAvailable(body)
        case (.shared(let lock), true): try await lock.withReadLockIfAvailable(body)
        case (.exclusive(let lock), true): try await lock.withWriteLockIfAvailable(body)
        }
    }

    /// Runs `body`, unless that has been done within the time of `--once-per`.
    ///
    /// - Returns: `nil` if it has not run.
    func ifDue<Success>(
        _ lease: LockLease, _ body: (LockLease) async throws -> Success
    ) async throws -> Success? {
        guard let interval = request.oncePer, case .mutex(let lock) = lock else { return try await body(lease) }
        return try await lock.runIfDue(interval, under: lease, body)
    }

    /// Reads the participants of the lock.
    func participants() async throws -> [Participant] {
        switch lock {
        case .mutex(let lock): try await lock.participants()
        case .shared(let lock), .exclusive(let lock): try await lock.participants()
        }
    }
}
