// SPDX-License-Identifier: Apache-2.0

public import ZooKeeper
public import ZooKeeperTesting

extension ZooKeeperServer {
    /// Runs `body` with a client whose chroot is `directory`; if there is none, a new node of its own, so that tests
    /// that share a server do not disturb each other.
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

    /// Runs `body` with a client that is connected through a relay, its chroot a new node of its own.
    ///
    /// - Parameters:
    ///   - sessionTimeout: So long that no heartbeat disturbs a count, unless a test says otherwise.
    ///   - configure: Changes the client's configuration.
    @discardableResult
    public func withRelayedClient<Success>(
        sessionTimeout: Duration = .seconds(60),
        configure: (inout ZooKeeperConfiguration) -> Void = { _ in },
        isolation: isolated (any Actor)? = #isolation,
        _ body: (ZooKeeperClient, ZooKeeperRelay) async throws -> Success
    ) async throws -> Success {
        let directory = try await makeDirectory()
        return try await ZooKeeperRelay.withRelay(to: self) { relay in
            var configuration = try relay.configuration
            configuration.chroot = directory
            configuration.sessionTimeout = sessionTimeout
            configure(&configuration)
            return try await ZooKeeperClient.withClient(configuration) { client in
                _ = try await client.exists("/")
                return try await body(client, relay)
            }
        }
    }

    /// Runs `body` with a client that is connected through a relay, and another client beside it that is not.
    @discardableResult
    public func withRelayedClient<Success>(
        sessionTimeout: Duration = .seconds(60),
        isolation: isolated (any Actor)? = #isolation,
        _ body: (ZooKeeperClient, ZooKeeperRelay, _ beside: ZooKeeperClient) async throws -> Success
    ) async throws -> Success {
        try await withRelayedClient(sessionTimeout: sessionTimeout) { client, relay in
            let chroot = client.configuration.chroot
            return try await withClient(in: chroot) { try await body(client, relay, $0) }
        }
    }

    /// Makes a new node.
    public func makeDirectory() async throws -> ZNodePath {
        try await ZooKeeperClient.withClient(configuration) { client in
            try await client.create("/test-", mode: .persistentSequential).path
        }
    }
}

extension InMemoryZooKeeper {
    /// Runs `body` with two clients whose sessions are so long that nothing but the fault of a test ends a lock.
    public func withTwoClients(_ body: (ZooKeeperClient, ZooKeeperClient) async throws -> Void) async throws {
        var configuration = self.configuration
        configuration.sessionTimeout = .seconds(60)
        try await withClient(configuration) { first in
            try await withClient(configuration) { second in try await body(first, second) }
        }
    }
}
