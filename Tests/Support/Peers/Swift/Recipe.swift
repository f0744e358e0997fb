// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

/// One of our recipes, as all contenders use it: in a scope.
struct Recipe: Sendable {
    /// The body of a scope, which runs while the lock is held. A writer that may go on as a reader runs it twice.
    typealias Body = (LockLease, _ isDowngraded: Bool) async throws -> Void

    enum Kind: String {
        case lock
        case read
        case write
        case downgrading
        case latch
        case selector
        case kazooLock = "kazoo-lock"
        case kazooRead = "kazoo-read"
        case kazooWrite = "kazoo-write"
        case election
    }

    let kind: Kind
    private let name: String
    private let client: ZooKeeperClient
    private let path: ZNodePath

    /// - Parameter name: The data of its nodes.
    init?(_ kind: String, at path: String, named name: String, _ client: ZooKeeperClient) {
        guard let kind = Kind(rawValue: kind), let path = try? ZNodePath(path) else { return nil }
        self.kind = kind
        self.name = name
        self.client = client
        self.path = path
    }

    var isReader: Bool { kind == .read || kind == .kazooRead }

    func hold(waitingUpTo limit: Duration?, _ body: Body) async throws {
        switch kind {
        case .lock: try await lock(.curator).withLock(waitingUpTo: limit) { try await body($0, false) }
        case .kazooLock: try await lock(.kazoo).withLock(waitingUpTo: limit) { try await body($0, false) }
        case .read: try await readWrite(.curator).withReadLock(waitingUpTo: limit) { try await body($0, false) }
        case .kazooRead: try await readWrite(.kazoo).withReadLock(waitingUpTo: limit) { try await body($0, false) }
        case .write: try await readWrite(.curator).withWriteLock(waitingUpTo: limit) { try await body($0, false) }
        case .kazooWrite: try await readWrite(.kazoo).withWriteLock(waitingUpTo: limit) { try await body($0, false) }
        case .downgrading:
            try await readWrite(.curator).withWriteLock(waitingUpTo: limit) {
                try await body($0, false)
            } thenReading: { lease, _ in
                try await body(lease, true)
            }
        case .latch: try await election(.curatorLatch).withLeadership(waitingUpTo: limit) { try await body($0, false) }
        case .selector:
            try await election(.curatorSelector).withLeadership(waitingUpTo: limit) { try await body($0, false) }
        case .election: try await election(.kazoo).withLeadership(waitingUpTo: limit) { try await body($0, false) }
        }
    }

    func participants() async throws -> [Participant] {
        switch kind {
        case .lock: try await lock(.curator).participants()
        case .kazooLock: try await lock(.kazoo).participants()
        case .read, .write, .downgrading: try await readWrite(.curator).participants()
        case .kazooRead, .kazooWrite: try await readWrite(.kazoo).participants()
        case .latch: try await election(.curatorLatch).participants()
        case .selector: try await election(.curatorSelector).participants()
        case .election: try await election(.kazoo).participants()
        }
    }

    private func lock(_ dialect: LockDialect) -> ZooKeeperLock {
        var configuration = ZooKeeperLock.Configuration()
        configuration.dialect = dialect
        configuration.id = name
        return ZooKeeperLock(client, at: path, configuration: configuration)
    }

    private func readWrite(_ dialect: ReadWriteLockDialect) -> ZooKeeperReadWriteLock {
        var configuration = ZooKeeperReadWriteLock.Configuration()
        configuration.dialect = dialect
        configuration.id = name
        return ZooKeeperReadWriteLock(client, at: path, configuration: configuration)
    }

    private func election(_ dialect: ElectionDialect) -> ZooKeeperElection {
        var configuration = ZooKeeperElection.Configuration()
        configuration.dialect = dialect
        configuration.id = name
        return ZooKeeperElection(client, at: path, configuration: configuration)
    }
}
