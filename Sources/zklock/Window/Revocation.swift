// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

/// The requests of release that a queue allows.
package enum Revocation {
    /// The reason for which a participant cannot be asked; `nil` if it can.
    package static func refusal(of entry: QueueView.Entry) -> String? {
        if entry.isLeftover {
            return "no session owns it, so nobody is there to release it; if nobody uses it: zklock break"
        }
        if entry.name.sequence == nil { return "the sequence numbers of the directory are exhausted" }
        switch (entry.name.kind, entry.name.library) {
        case (.curatorLatch, _):
            return """
                the node of a leader latch must not be written to: those that wait behind it would never learn that it \
                has gone; stop its process
                """
        case (.kazoo, _): return "kazoo does not look at its node again; stop its process"
        case (_, .goZooKeeper): return "go-zookeeper does not look at its node again; stop its process"
        case (.curatorMutex, _), (.curatorReadWrite, _), (.custom, _): return nil
        }
    }

    /// Asks a participant to release the lock, as Curator's `Revoker` does.
    ///
    /// - Returns: `false` if it has left.
    static func send(to entry: QueueView.Entry, at path: ZNodePath, _ client: ZooKeeperClient) async throws -> Bool {
        let node = path.child(entry.name.name)
        switch entry.name.kind {
        case .curatorReadWrite:
            let lock = ZooKeeperReadWriteLock(client, at: path)
            guard let participant = try await lock.participants().first(where: { $0.path == node }) else {
                return false
            }
            return try await lock.requestRevocation(of: participant)
        case .curatorMutex: return try await send(to: node, of: ZooKeeperLock(client, at: path))
        case .custom(let marker):
            var configuration = ZooKeeperLock.Configuration()
            configuration.dialect = .custom(marker)
            return try await send(to: node, of: ZooKeeperLock(client, at: path, configuration: configuration))
        case .curatorLatch, .kazoo: return false
        }
    }

    private static func send(to node: ZNodePath, of lock: ZooKeeperLock) async throws -> Bool {
        guard let participant = try await lock.participants().first(where: { $0.path == node }) else { return false }
        return try await lock.requestRevocation(of: participant)
    }
}
