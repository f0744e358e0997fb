// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

/// A lease, asked in all three ways, in a loop.
func write(_ lines: [String], to path: ZNodePath, _ lease: LockLease) async throws -> Int {
    var written = 0
    for line in lines {
        do {
            try lease.checkHeld()
            try await lease.verify()
            try await lease.transaction([SetData(path, to: line.utf8)])
            written += 1
        } catch LockError.Code.lost {
            break
        }
    }
    return written
}
