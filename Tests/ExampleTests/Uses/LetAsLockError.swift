// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

/// What a lock has against it.
func holder(of lock: ZooKeeperLock) async throws -> String? {
    var holder: String?
    do {
        let held = try await lock.acquire(waitingUpTo: .seconds(1))
        try await held.release()
    } catch let error as LockError where error.code == .timedOut {
        holder = error.holder
    }
    return holder
}
