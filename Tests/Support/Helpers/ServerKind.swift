// SPDX-License-Identifier: Apache-2.0

public import Testing
public import ZooKeeper
import ZooKeeperTesting

/// A kind of server on which a scenario is run: the suite's real one, or one in memory.
public enum ServerKind: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case real = "a real server"
    case inMemory = "a server in memory"

    public var testDescription: String { rawValue }

    /// Runs `body` with clients that share a new directory as their chroot.
    ///
    /// - Parameters:
    ///   - sessionTimeout: So long that only the events of the test end a lock, unless a test says otherwise.
    ///   - configure: Changes the configuration of the clients.
    public func withClients<Success>(
        _ count: Int = 2, sessionTimeout: Duration = .seconds(30),
        configure: (inout ZooKeeperConfiguration) -> Void = { _ in }, isolation: isolated (any Actor)? = #isolation,
        _ body: ([ZooKeeperClient]) async throws -> Success
    ) async throws -> Success {
        let makeClient: () throws -> ZooKeeperClient
        switch self {
        case .real:
            let server = try ZooKeeperServer.required
            var configuration = try server.configuration
            configuration.chroot = try await server.makeDirectory()
            configuration.sessionTimeout = sessionTimeout
            configure(&configuration)
            makeClient = { [configuration] in try ZooKeeperClient(configuration) }
        case .inMemory:
            let zooKeeper = InMemoryZooKeeper()
            var configuration = zooKeeper.configuration
            configuration.sessionTimeout = sessionTimeout
            configure(&configuration)
            makeClient = { [configuration] in try zooKeeper.makeClient(configuration) }
        }
        return try await run((0..<count).map { _ in try makeClient() }, running: [], body)
    }

    /// Runs the clients one inside the other, so that each is closed when those after it are.
    private func run<Success>(
        _ clients: [ZooKeeperClient], running: [ZooKeeperClient], isolation: isolated (any Actor)? = #isolation,
        _ body: ([ZooKeeperClient]) async throws -> Success
    ) async throws -> Success {
        guard running.count < clients.count else { return try await body(running) }
        return try await clients[running.count].run { client in
            try await run(clients, running: running + [client], body)
        }
    }
}

extension ZooKeeperClient {
    /// Returns the names of the children of `path`; none if it does not exist.
    public func childNames(of path: ZNodePath) async throws -> [String] {
        do { return try await children(of: path).names } catch ZooKeeperError.Code.noNode { return [] }
    }

    /// Waits until so many contenders are in the queue at `path`.
    public func waitForQueue(at path: ZNodePath, of count: Int) async throws {
        try await eventually("\(count) in the queue") { try await childNames(of: path).count == count }
    }
}
