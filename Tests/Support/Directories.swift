public import ZooKeeper
public import ZooKeeperTesting

extension ZooKeeperServer {
    /// Runs `body` with a client whose chroot is `directory`; if there is none, a new node of its own, so that tests that
    /// share a server do not meet.
    @discardableResult
    public func withClient<Success>(
        in directory: ZNodePath? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (ZooKeeperClient) async throws -> Success
    ) async throws -> Success {
        var configuration = try self.configuration
        if let directory { configuration.chroot = directory } else { configuration.chroot = try await makeDirectory() }
        return try await ZooKeeperClient.withClient(configuration, body)
    }

    /// Makes a new node.
    public func makeDirectory() async throws -> ZNodePath {
        try await ZooKeeperClient.withClient(configuration) { client in
            try await client.create("/test-", mode: .persistentSequential).path
        }
    }
}
