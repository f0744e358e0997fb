import ZooKeeper

/// Which locks the scopes around the current task hold, and which task each of them belongs to.
///
/// It is inherited by every task that is started inside a scope. Only the task that runs a scope's body may enter the
/// lock again; the others run beside it, and letting them in would be letting two in.
struct EnclosingLocks: Sendable {
    @TaskLocal static var current = EnclosingLocks()

    /// What makes two locks the same.
    struct Key: Hashable {
        let client: ObjectIdentifier
        let path: ZNodePath
        let dialect: LineDialect
    }

    private struct Entry {
        var lease: LockLease
        var kind: ContenderKind
        var task: RunningTask?
        /// The scope whose body that task runs. When it has ended, another task may have the same identity.
        var owner: LockLease.Scope
    }

    private var entries: [Key: Entry] = [:]

    /// What the current task finds when it asks for a lock.
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

    /// - Parameter kind: What it wants. Who is alone may also read.
    func find(_ key: Key, _ kind: ContenderKind) -> Finding {
        guard let entry = entries[key], entry.lease.scope.isOpen else { return .free }
        guard let task = entry.task, task == RunningTask.current, entry.owner.isOpen else { return .anothers }
        return entry.kind == .exclusive || kind == .shared ? .mine(entry.lease) : .reading(entry.lease)
    }

    /// What the body of a scope sees that `parent` has opened and `task` runs: what was the parent's is now the body's.
    func entering(
        _ key: Key, _ kind: ContenderKind, _ lease: LockLease, parent: RunningTask?, task: RunningTask?
    ) -> EnclosingLocks {
        var result = self
        for (key, entry) in entries where entry.task == parent && entry.owner.isOpen {
            result.entries[key]?.task = task
            result.entries[key]?.owner = lease.scope
        }
        result.entries[key] = Entry(lease: lease, kind: kind, task: task, owner: lease.scope)
        return result
    }
}
