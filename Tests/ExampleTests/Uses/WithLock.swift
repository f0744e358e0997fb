// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

/// A lock with a limit, tried a few times.
func withPatience(_ lock: ZooKeeperLock, _ work: (LockLease) async throws -> Int) async throws -> Int? {
    var refusals = 0
    while refusals < 3 {
        do {
            return try await lock.withLock(waitingUpTo: .seconds(5)) { lease in
                try lease.checkHeld(for: .seconds(1))
                return try await work(lease)
            }
        } catch LockError.Code.timedOut {
            refusals += 1
        } catch ZooKeeperError.Code.noAuth {
            return nil
        }
    }
    return nil
}
