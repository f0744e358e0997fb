import ZooKeeper

/// The locks that the scopes around the current task hold, each with the task that it belongs to.
///
/// It is inherited by every task that is started inside a scope. Only the task that runs a scope's body may enter the
/// lock again; the others run beside it, and letting them in would be letting two in. A scope inside that body, of a
/// lock or of a session, runs its own body for that task: it may enter too (``ScopeLineage``).
struct EnclosingLocks: Sendable {
    @TaskLocal static var current = EnclosingLocks()

    /// The identity of a lock.
    struct Key: Hashable {
        let client: ObjectIdentifier
        let path: ZNodePath
        let dialect: LineDialect
    }

    private struct Entry {
        var lease: LockLease
        var kind: ContenderKind
        /// The one that runs the scope's body. As long as the scope is open, no other has its identity.
        var task: RunningTask?
    }

    /// From the outermost to the innermost.
    private var entries: [Key: [Entry]] = [:]

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

    /// - Parameter kind: The access that it asks for. An exclusive holder may also read.
    func find(_ key: Key, _ kind: ContenderKind) -> Finding {
        // An inner scope may have ended, and the task that was started in it goes on in the scopes around.
        guard let entry = entries[key]?.last(where: { $0.lease.scope.isOpen }) else { return .free }
        guard let task = entry.task, ScopeLineage.leads(to: task) else { return .anothers }
        return entry.kind == .exclusive || kind == .shared ? .mine(entry.lease) : .reading(entry.lease)
    }

    /// The locks that the body of a scope sees that `task` runs.
    func entering(_ key: Key, _ kind: ContenderKind, _ lease: LockLease, task: RunningTask?) -> EnclosingLocks {
        var result = self
        result.entries[key, default: []].removeAll { !$0.lease.scope.isOpen }
        result.entries[key, default: []].append(Entry(lease: lease, kind: kind, task: task))
        return result
    }
}
