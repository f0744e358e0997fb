import Logging
import Synchronization
import ZooKeeper

/// Says once for each path that two dialects are used there. They do not exclude each other, which is a bug of whoever set it
/// up, and one that is not noticed until it hurts.
enum MixedDialects {
    /// Chroot and path.
    private static let known = Mutex<Set<[ZNodePath]>>([])

    static func note(_ path: ZNodePath, in chroot: ZNodePath, _ foreignNode: String, _ logger: Logger) {
        // Whoever has a thousand such paths has been told.
        let isNew = known.withLock { $0.count < 1_000 && $0.insert([chroot, path]).inserted }
        guard isNew else { return }
        // On the thread that brings answers, which must not wait.
        BackgroundLog.write(
            logger, .info, "Somebody stands in this line by another dialect: it does not exclude us, nor we it",
            [LogKeys.lockPath: "\(path)", LogKeys.foreignNode: "\(foreignNode)"])
    }
}
