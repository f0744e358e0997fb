// SPDX-License-Identifier: Apache-2.0

#if ServiceLifecycle
import ServiceLifecycle
import ZooKeeper

/// Watches the instances of the service, and prints each that appears or disappears.
struct InstanceWatcher: Service {
    let client: ZooKeeperClient
    let directory: ZNodePath

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await watch() }
    }

    /// Follows the list of instances over lost connections and sessions, until the task is cancelled. Without a
    /// connection the last list stays: an old list is better than none.
    private func watch() async throws {
        var known: [String: String] = [:]
        for try await children in client.childrenUpdates(of: directory) {
            let names = Set(children?.names ?? [])
            for name in known.keys.sorted() where !names.contains(name) {
                known[name] = nil
                printLine("- \(name)")
            }
            for name in names.sorted() where known[name] == nil {
                // Deleted between the list and this read: then the next list does not contain it either.
                guard let address = try await address(of: name) else { continue }
                known[name] = address
                printLine("+ \(name) at \(address)")
            }
        }
    }

    /// Reads the address of an instance; `nil` if its node does not exist any more.
    private func address(of name: String) async throws -> String? {
        // The first of its states: a stream waits for a connection for as long as it takes, where `get` gives up.
        let states = client.updates(of: try directory.appending(name))
        let node = try await states.first { _ in true } ?? nil
        return node.map { String(decoding: $0.data, as: UTF8.self) }
    }
}
#endif
