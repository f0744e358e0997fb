// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization
import ZooKeeper

/// The treatment of other kinds of lock in a directory: Curator's mutex, its read/write lock, its latch, kazoo's locks and
/// those with names of one's own (``LockDialect/custom(_:)``) have different nodes, and do not exclude each other.
@nonexhaustive
public enum MixedKindsPolicy: Sendable, Hashable {
    /// A participant that finds a node of another kind when it joins leaves, and throws ``LockError`` with code
    /// `mixedKinds`. A node that no session holds counts for a leftover, and is only warned about; one that this client may
    /// not read counts as held where the servers do not say who holds it (from version 3.9.3 on).
    case refuse
    /// It takes part all the same, and a warning is logged. Where two kinds are in use on purpose, on their way from one to
    /// the other: they do not exclude each other.
    case ignore
}

/// Logs once for each path that two kinds of lock are in use there: a mistake in the set-up, and one that is not noticed
/// until it hurts.
enum MixedKinds {
    /// Chroot and path.
    private static let known = Mutex<Set<[ZNodePath]>>([])

    static func note(_ path: ZNodePath, in chroot: ZNodePath, _ foreignNode: String, _ logger: Logger) {
        // An operator with a thousand such paths has been told.
        let isNew = known.withLock { $0.count < 1_000 && $0.insert([chroot, path]).inserted }
        guard isNew else { return }
        // On the thread that brings answers, which must not wait.
        BackgroundLog.write(
            logger, .warning,
            """
            Found a node of another kind of lock at the path of this one: the two do not exclude each other. Give each kind a \
            path of its own, or choose the naming scheme of the others
            """,
            [LogKeys.lockPath: "\(path)", LogKeys.foreignNode: "\(foreignNode)"])
    }
}
