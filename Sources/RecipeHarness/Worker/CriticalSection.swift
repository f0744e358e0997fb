import Synchronization
import ZooKeeper
import ZooKeeperHistory
import ZooKeeperRecipes
import ZooKeeperTesting

/// The body of a holder: stamps the history while it holds, writes to the fenced store, and records when it began,
/// was cancelled and ended. When its client is ended under it, it goes on for a while.
struct CriticalSection: Sendable {
    let client: ZooKeeperClient
    let process: String
    let access: HistoryEvent.Access
    let ending: ClientEnding

    func run(_ operation: String, _ lease: LockLease, _ random: inout SplitMix64) async throws {
        record(
            .granted(
                operation: operation, token: lease.fencingToken.description,
                node: lease.nodePath.name))
        defer { record(.bodyEnded(operation: operation)) }
        let stubbornness = Duration.milliseconds(random.int(0...1_500))
        let deadline = Mutex(lease.expiresBy)
        let result: Result<Void, any Error>
        do {
            result = .success(try await work(operation, lease, deadline, &random))
        } catch {
            result = .failure(error)
        }
        if Task.isCancelled, ending.hasBegun {
            // Like a body that has something to finish. No longer than it had been told that it holds: so nobody else
            // may hold meanwhile, however its client ends.
            let end = min(.now + stubbornness, deadline.withLock { $0 })
            _ = await Promise<Void>().wait(until: end, isShielded: true)
        }
        try result.get()
    }

    private func work(
        _ operation: String, _ lease: LockLease, _ deadline: borrowing Mutex<ContinuousClock.Instant>,
        _ random: inout SplitMix64
    ) async throws {
        try await withTaskCancellationHandler {
            try await stamp(operation, lease)
            write(operation, lease)
            for _ in 0..<random.int(1...5) {
                // A holder that was paused, or was told to end, writes before it looks: the store has to refuse it.
                try? await Task.sleep(for: .milliseconds(random.int(2...60)))
                write(operation, lease)
                try Task.checkCancellation()
                try lease.checkHeld()
                let expires = lease.expiresBy
                deadline.withLock { $0 = max($0, expires) }
                try await stamp(operation, lease)
            }
        } onCancel: {
            // Since it was looked at last, the servers may have been heard again.
            let latest = lease.expiresBy
            let expires = deadline.withLock { deadline in
                deadline = max(deadline, latest)
                return deadline
            }
            record(.cancelled(operation: operation, expires: HistoryEvent.time(expires)))
        }
    }

    /// Goes through only while the node is there, and its transaction has a place in ZooKeeper's order.
    private func stamp(_ operation: String, _ lease: LockLease) async throws {
        do {
            let results = try await lease.transaction([SetData(RunConstants.history, to: lease.fencingToken.bytes)])
            guard case .dataSet(let stat)? = results.first else { return }
            record(.stamped(operation: operation, zxid: stat.mzxid.rawValue))
        } catch LockError.Code.unavailable {
            // Without an answer nothing is known, and it goes on until it is cancelled.
        }
    }

    /// Sends a write to the store, whose answer nobody waits for: it may arrive late, and the holder may be gone by
    /// then.
    private func write(_ operation: String, _ lease: LockLease) {
        // Readers do not write, and their tokens are not in order.
        if access.isShared { return }
        let token = lease.fencingToken.description
        Task {
            for _ in 0..<20 {
                do {
                    let node = try await client.get(RunConstants.store)
                    let newest = String(decoding: node.data, as: UTF8.self)
                    if token < newest { return record(.refused(operation: operation, token: token)) }
                    let stat = try await client.set(
                        RunConstants.store, to: Array(token.utf8), ifVersion: node.stat.version)
                    return record(.accepted(operation: operation, token: token, zxid: stat.mzxid.rawValue))
                } catch {
                    // Another holder was faster: looks again. Without an answer it is not known what came of it.
                    guard ZooKeeperError.Code.badVersion ~= error else { return }
                }
            }
        }
    }

    private func record(_ kind: HistoryEvent.Kind) { printLine(HistoryEvent(process, kind).line) }
}
