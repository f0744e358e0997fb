import Logging
import Synchronization
import ZooKeeper

/// Logs once for each path that two naming schemes are used there. They do not exclude each other, which is a mistake
/// in the set-up, and one that is not noticed until it hurts.
enum MixedDialects {
    /// Chroot and path.
    private static let known = Mutex<Set<[ZNodePath]>>([])

    static func note(_ path: ZNodePath, in chroot: ZNodePath, _ foreignNode: String, _ logger: Logger) {
        // An operator with a thousand such paths has been told.
        let isNew = known.withLock { $0.count < 1_000 && $0.insert([chroot, path]).inserted }
        guard isNew else { return }
        // On the thread that brings answers, which must not wait.
        BackgroundLog.write(
            logger, .info,
            "Found a participant that uses another naming scheme; it and this client do not exclude each other",
            [LogKeys.lockPath: "\(path)", LogKeys.foreignNode: "\(foreignNode)"])
    }
}
