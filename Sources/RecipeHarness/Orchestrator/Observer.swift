import ZooKeeper
import ZooKeeperTesting

/// Observes the queue from outside, by connections of its own to the servers, which no fault touches.
struct Observer: Sendable {
    let client: ZooKeeperClient

    /// Counts the nodes in the queue when all sessions have ended: those of killed processes need their time.
    func nodesLeftInQueue() async throws -> Int64 {
        var left = 0
        for _ in 0..<100 {
            try await untilTaken { try await client.sync() }
            // The servers remove an empty directory.
            let stat = try await untilTaken { try await client.exists(RunConstants.queue) }
            left = Int(stat?.numChildren ?? 0)
            if left == 0 { break }
            try await Task.sleep(for: RunConstants.sessionTimeout / 20)
        }
        return Int64(left)
    }

    /// Finds the oldest node in the queue, and its process; empty if there is none.
    func oldestInQueue() async throws -> (node: String, process: String) {
        try await untilTaken { try await client.sync() }
        var oldest: (czxid: Zxid, node: String, process: String)?
        let names = (try? await untilTaken { try await client.children(of: RunConstants.queue).names }) ?? []
        for name in names {
            guard let node = try? await untilTaken({ try await client.get(RunConstants.queue.child(name)) }) else {
                continue
            }
            if let oldest, oldest.czxid < node.stat.czxid { continue }
            // It says so itself; what follows a dot tells the contenders of a process apart.
            let id = String(decoding: node.data, as: UTF8.self)
            oldest = (node.stat.czxid, name, id.split(separator: ".").first.map(String.init) ?? "")
        }
        return (oldest?.node ?? "", oldest?.process ?? "")
    }
}
