public import ZooKeeper

/// Asks the holder of a lock to give it back, as Curator's `Revoker` does: by writing a word into its node. The holder
/// decides.
enum Revoker {
    /// Curator's `LockInternals.REVOKE_MESSAGE`.
    private static let request = Array("__REVOKE__".utf8)

    static func isRequest(_ data: [UInt8]) -> Bool { data == request }

    /// - Returns: Whether the node was there.
    static func ask(_ contender: Participant, with client: ZooKeeperClient) async throws(ZooKeeperError) -> Bool {
        do {
            _ = try await client.set(contender.path, to: request)
            return true
        } catch {
            if error.code == .noNode { return false }
            throw error
        }
    }
}

extension ZooKeeperLock {
    /// Asks whoever holds the lock, or waits for it, to give it back. It is told, and decides: see
    /// ``LockLease/revocationRequest()`` and, in Curator, `makeRevocable`.
    ///
    /// - Returns: Whether it was still in line.
    /// - Throws: ``ZooKeeperError``: what any call may throw.
    @discardableResult
    public func requestRevocation(of contender: Participant) async throws(ZooKeeperError) -> Bool {
        try await Revoker.ask(contender, with: client)
    }
}

extension ZooKeeperReadWriteLock {
    /// Asks a reader or a writer to give the lock back: see ``ZooKeeperLock/requestRevocation(of:)``.
    @discardableResult
    public func requestRevocation(of contender: Participant) async throws(ZooKeeperError) -> Bool {
        try await Revoker.ask(contender, with: client)
    }
}
