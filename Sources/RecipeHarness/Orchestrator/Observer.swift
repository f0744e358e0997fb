// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperTesting

/// Observes the queue from outside, with a client of its own that no fault affects.
struct Observer: Sendable {
    let client: ZooKeeperClient
    let owners: SessionOwners

    /// Counts the nodes that are left in the queue, after waiting for the sessions of killed processes to expire.
    func nodesLeftInQueue() async throws -> Int64 {
        var left = 0
        for _ in 0..<100 {
            try await retryingWhileThrottled { try await client.sync() }
            // The servers remove an empty directory.
            let stat = try await retryingWhileThrottled { try await client.exists(RunConstants.queue) }
            left = Int(stat?.numChildren ?? 0)
            if left == 0 { break }
            try await Task.sleep(for: RunConstants.sessionTimeout / 20)
        }
        return Int64(left)
    }

    /// Finds the node that has been in the queue longest, and the process that owns it; both are empty if there is
    /// none.
    func oldestInQueue() async throws -> (node: String, process: String) {
        try await retryingWhileThrottled { try await client.sync() }
        var oldest: (czxid: Zxid, node: String, process: String)?
        let names =
            (try? await retryingWhileThrottled { try await client.children(of: RunConstants.queue).names }) ?? []
        for name in names {
            guard let node = try? await retryingWhileThrottled({ try await client.get(RunConstants.queue.child(name)) })
            else {
                continue
            }
            if let oldest, oldest.czxid < node.stat.czxid { continue }
            // Its data begins with the name of the process; after a dot follows the number of the contender.
            let id = String(decoding: node.data, as: UTF8.self).split(separator: ".").first.map(String.init)
            let owner = id ?? owners.process(of: node.stat.ephemeralOwner.rawValue)
            oldest = (node.stat.czxid, name, owner ?? "")
        }
        return (oldest?.node ?? "", oldest?.process ?? "")
    }
}
