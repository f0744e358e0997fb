// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

/// Locks that are taken if they are free, and held for a while at most.
func attempt(_ lock: ZooKeeperLock, _ election: ZooKeeperElection, _ client: ZooKeeperClient) async throws -> String {
    var outcome = "taken"
    do {
        guard let held = try await lock.acquireIfAvailable(waitingUpTo: .seconds(1)) else { return outcome }
        let (node, _) = try await held.lease.transaction(Create("/n-", mode: .persistentSequential), Check("/a"))
        outcome = node.path.name
        try await held.release()
        outcome += try await lock.withLock(holdingAtMost: .seconds(5)) { lease in "\(lease)" }
        if let led = try await election.withLeadershipIfAvailable({ _ in 1 }) { outcome += "\(led)" }
        _ = try await lock.runOncePer(.seconds(60)) { _ in outcome += "run" }
        let writer = try await ZooKeeperReadWriteLock(client, at: "/rw").acquireWriteLock()
        try await writer.downgrade().release()
    } catch LockError.Code.heldTooLong {
        outcome = "too long"
    } catch let error as LockError where error.code == .mixedKinds {
        outcome = error.foreignNode ?? "?"
    }
    return outcome
}
