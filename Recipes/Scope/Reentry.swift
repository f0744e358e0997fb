// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// A lock that is held for the body of a scope around the current task.
///
/// Only the task that runs that body may enter the lock again; the others that were started there run beside it, and
/// letting them in would be letting two in. A scope inside that body, of a lock or of a session, runs its own body for
/// that task: it may enter too (``ScopeLineage``).
struct EnclosingLock: Sendable {
    /// The identity of a lock.
    struct Key: Equatable {
        let client: ObjectIdentifier
        let settings: ContenderSettings

        static func == (left: Key, right: Key) -> Bool {
            left.client == right.client && left.settings.directory == right.settings.directory
                && left.settings.dialect == right.settings.dialect
        }
    }

    let key: Key
    let kind: ContenderKind
    let lease: LockLease

    /// The finding of the current task when it asks for a lock.
    enum Finding {
        /// No scope around it holds the lock.
        case free
        /// It holds the lock itself, as it wants it or better.
        case mine(LockLease)
        /// It holds the lock itself, as a reader, and wants to be alone.
        case reading(LockLease)
        /// A scope around it holds the lock, but belongs to another task.
        case anothers
    }

    /// Looks for a lock in the scopes around the current task.
    ///
    /// - Parameter kind: The access that it asks for. An exclusive holder may also read.
    static func find(_ key: Key, _ kind: ContenderKind) -> Finding {
        ScopeLineage.first { scope in
            // An inner scope may have ended, and the task that was started in it goes on in the scopes around.
            guard let lock = scope.content as? EnclosingLock, lock.key == key, lock.lease.scope.isOpen else {
                return nil
            }
            guard scope.isRunByCurrentTask else { return Finding.anothers }
            return lock.kind == .exclusive || kind == .shared ? .mine(lock.lease) : .reading(lock.lease)
        } ?? .free
    }
}
