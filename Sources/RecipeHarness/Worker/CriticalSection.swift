// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZooKeeper
import ZooKeeperHistory
import ZooKeeperRecipes
import ZooKeeperTesting

/// Runs as the body of a recipe: stamps the history while it holds, writes to the fenced store, and records its
/// beginning, cancellation and end. When its client is closed meanwhile, it continues for a while.
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
        let delay = Duration.milliseconds(random.int(0...1_500))
        let deadline = Mutex(lease.expiresBy)
        let result: Result<Void, any Error>
        do {
            result = .success(try await work(operation, lease, deadline, &random))
        } catch {
            result = .failure(error)
        }
        if Task.isCancelled, ending.hasBegun {
            // Like a body that has something to finish. Only up to the deadline of its lease: until then no other
            // process may hold, in whatever way its client ends.
            let end = min(.now + delay, deadline.withLock { $0 })
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
                // A process that was frozen or told to end meanwhile writes before it checks: the store has to refuse
                // that.
                try? await Task.sleep(for: .milliseconds(random.int(2...60)))
                write(operation, lease)
                try Task.checkCancellation()
                try lease.checkHeld()
                let expires = lease.expiresBy
                deadline.withLock { $0 = max($0, expires) }
                try await stamp(operation, lease)
            }
        } onCancel: {
            // Since the last look, the servers may have answered again.
            let latest = lease.expiresBy
            let expires = deadline.withLock { deadline in
                deadline = max(deadline, latest)
                return deadline
            }
            record(.cancelled(operation: operation, expires: HistoryEvent.time(expires)))
        }
    }

    /// Stamps the history in a transaction that succeeds only while the node exists, and records its zxid, its position
    /// in ZooKeeper's order.
    private func stamp(_ operation: String, _ lease: LockLease) async throws {
        do {
            let results = try await lease.transaction([SetData(RunConstants.history, to: lease.fencingToken.bytes)])
            guard case .dataSet(let stat)? = results.first else { return }
            record(.stamped(operation: operation, zxid: stat.mzxid.rawValue))
        } catch LockError.Code.unavailable {
            // Without an answer the outcome is unknown, and the body continues until it is cancelled.
        }
    }

    /// Sends a write to the store without waiting for it: it may arrive late, when the process does not hold any more.
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
                    // Another write came first: tries again. Without an answer the outcome is unknown.
                    guard ZooKeeperError.Code.badVersion ~= error else { return }
                }
            }
        }
    }

    private func record(_ kind: HistoryEvent.Kind) { printLine(HistoryEvent(process, kind).line) }
}
