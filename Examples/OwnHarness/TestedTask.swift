// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperHistory

/// One task that takes the lock again and again, and records it.
///
/// Its lock is the one to test: the lowest node of a directory holds.
struct TestedTask: Sendable {
    let name: String
    let client: ZooKeeperClient
    let recorder: HistoryRecorder
    /// Tells whether the task waits until its node is the lowest, as it must.
    let waits: Bool

    func run(turns: Int) async throws {
        for turn in 1...turns {
            let operation = "\(name).\(turn)"
            try record(.invoked(operation: operation, .lock))
            let node = try await client.create("/own-harness/queue/n-", mode: .ephemeralSequential).path
            if waits {
                while try await client.children(of: "/own-harness/queue").names.min() != node.name {
                    try await Task.sleep(for: .milliseconds(5))
                }
            }
            // Sequence numbers have ten digits, so that their order as text is that of the queue.
            try record(.granted(operation: operation, token: String(node.name.suffix(10)), node: node.name))
            for _ in 1...3 {
                try await stamp(operation, node)
                try await Task.sleep(for: .milliseconds(10))
            }
            // Before the release: afterwards another task may hold.
            try record(.bodyEnded(operation: operation))
            try await client.delete(node)
            try record(.returned(operation: operation, outcome: "done"))
        }
    }

    /// Executes a transaction that succeeds only while the node exists, and records its zxid: at that point of
    /// ZooKeeper's order of transactions the task held the lock.
    private func stamp(_ operation: String, _ node: ZNodePath) async throws {
        let (_, stat) = try await client.transaction(
            Check(node), SetData("/own-harness/stamps", to: Array(name.utf8)))
        try record(.stamped(operation: operation, zxid: stat.mzxid.rawValue))
    }

    private func record(_ kind: HistoryEvent.Kind) throws { try recorder.record(name, kind) }
}
