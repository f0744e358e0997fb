// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperHistory
import ZooKeeperTesting

/// Records, while no process holds, which node is first in the queue: it tells for whom all others wait.
struct QueueWatch: Sendable {
    /// A client that no fault affects.
    let client: ZooKeeperClient
    let recorder: Recorder

    func run(_ over: Promise<Void>) async {
        var last: (process: String, node: String)?
        while await over.isOpen(for: .milliseconds(100)) {
            guard recorder.holder == nil else {
                last = nil
                continue
            }
            // Without an answer nothing is known, and nothing is recorded.
            guard let first = try? await first(), recorder.holder == nil else { continue }
            if let last, last == first { continue }
            recorder.record(first.process, .firstInQueue(node: first.node))
            last = first
        }
    }

    /// Finds the first node of the queue, by its sequence number, and the process that owns it; the node is empty if
    /// there is none.
    private func first() async throws -> (process: String, node: String) {
        try await client.sync()
        let names = try await client.childrenIfExists(of: RunConstants.queue)?.names ?? []
        guard let name = names.min(by: { $0.suffix(10) < $1.suffix(10) }) else { return (HistoryEvent.run, "") }
        let data = try await client.get(RunConstants.queue.child(name)).data
        // Its data begins with the name of the process; after a dot follows the number of the contender.
        let process = String(decoding: data, as: UTF8.self).split(separator: ".").first.map(String.init)
        return (process ?? HistoryEvent.run, name)
    }
}
