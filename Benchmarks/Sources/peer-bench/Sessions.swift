// SPDX-License-Identifier: Apache-2.0

import Logging
import ZooKeeper

/// Makes a client, without running it.
///
/// - Parameter timeout: The session time-out.
func makeClient(_ options: Options, timeout: Duration = .seconds(30)) throws -> ZooKeeperClient {
    var configuration = try ZooKeeperConfiguration(options.connect)
    configuration.sessionTimeout = timeout
    if options.metrics { configuration.metricsFactory = SumMetrics() }
    if options.tracing { configuration.tracer = ForgetfulTracer() }
    var logger = Logger(label: "peer-bench")
    logger.logLevel = .error
    return try ZooKeeperClient(configuration, logger: logger)
}

/// Runs `body` with `count` clients, each with a connected session, after creating the node `options.path`.
func withClients<Success: Sendable>(
    _ count: Int, _ options: Options, timeout: Duration = .seconds(30),
    _ body: ([ZooKeeperClient]) async throws -> Success
) async throws -> Success {
    let clients = try (0..<count).map { _ in try makeClient(options, timeout: timeout) }
    return try await withThrowingTaskGroup(of: Void.self) { group in
        for client in clients { group.addTask { await client.run() } }
        // Waits for the connection, and sends nothing.
        for client in clients { try await client.withSession { _ in } }
        try await make(try options.root, clients[0])
        let success = try await body(clients)
        group.cancelAll()
        try await group.waitForAll()
        return success
    }
}

/// Creates a node and its parents.
func make(_ path: ZNodePath, _ client: ZooKeeperClient) async throws {
    for node in path.ancestors + [path] {
        do { try await client.create(node) } catch ZooKeeperError.Code.nodeExists {}
    }
}
