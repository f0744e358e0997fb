import TestSupport
import ZooKeeper

/// What a lock protects, and that refuses whoever is late: it remembers the highest token it has seen.
///
/// The token of a peer is the transaction that created its node, which is what our own is made of.
final class FencedStore: Sendable {
    private let highest = Shared<Zxid?>(nil)

    /// - Returns: Whether the write is taken.
    func write(_ token: Zxid) -> Bool {
        highest.withLock { highest in
            if let highest, token < highest { return false }
            highest = token
            return true
        }
    }
}
