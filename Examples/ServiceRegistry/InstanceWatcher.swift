#if ServiceLifecycle
import ServiceLifecycle
import ZooKeeper

/// Knows which instances there are, and says who comes and goes.
struct InstanceWatcher: Service {
    let client: ZooKeeperClient
    let directory: ZNodePath

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await watch() }
    }

    /// Goes on over lost connections and sessions, and ends by cancellation. While there is no connection the last
    /// state stands: an old list of instances is better than none.
    private func watch() async throws {
        var known: [String: String] = [:]
        for try await children in client.childrenUpdates(of: directory) {
            let names = Set(children?.names ?? [])
            for name in known.keys.sorted() where !names.contains(name) {
                known[name] = nil
                say("- \(name)")
            }
            for name in names.sorted() where known[name] == nil {
                // Gone between the list and this read: then the next list says so too.
                guard let address = try await address(of: name) else { continue }
                known[name] = address
                say("+ \(name) at \(address)")
            }
        }
    }

    /// `nil` if the instance is gone.
    private func address(of name: String) async throws -> String? {
        // The first of its states: a stream waits for a connection for as long as it takes, where `get` gives up.
        let states = client.updates(of: try directory.appending(name))
        let node = try await states.first { _ in true } ?? nil
        return node.map { String(decoding: $0.data, as: UTF8.self) }
    }
}
#endif
