// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

/// Locks whose life is that of an object.
actor Holder {
    private var held: [ZNodePath: HeldLock] = [:]
    private var refused: Set<ZNodePath> = []

    func acquire(_ lock: ZooKeeperReadWriteLock, toWrite: Bool) async throws {
        do {
            held[lock.path] = toWrite ? try await lock.acquireWriteLock() : try await lock.acquireReadLock()
        } catch LockError.Code.heldByEnclosingScope, LockError.Code.unavailable {
            refused.insert(lock.path)
        }
    }

    func release() async throws {
        for (path, lock) in held {
            do { try await lock.release() } catch LockError.Code.notReleased {
                refused.insert(path)
                continue
            }
            held[path] = nil
        }
    }
}
