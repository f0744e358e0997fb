// SPDX-License-Identifier: Apache-2.0

import Logging
import TestSupport
import ZooKeeper
import ZooKeeperTesting

/// One of the two servers that are compared.
protocol ComparedServer: Sendable {
    /// Makes a transport for the session in `slot`, which has a connection of its own to the server.
    func makeTransport(slot: Int, credentials: [Credential]) -> any SessionTransport
    /// Ends a session on the server.
    func expire(_ session: ZooKeeperSession, slot: Int) async throws
    /// Keeps a session disconnected while `body` runs.
    func whileAway(_ session: ZooKeeperSession, slot: Int, _ body: () async throws -> Void) async throws
}

struct ComparedInMemoryServer: ComparedServer {
    let zooKeeper = InMemoryZooKeeper()

    /// Makes one that answers as the version of `server` does.
    init(like server: ZooKeeperServer) async throws {
        let answer = try await server.ask("srvr")
        if !answer.hasPrefix("Zookeeper version: 3.8.0-") { zooKeeper.requireReadForExists() }
    }

    func makeTransport(slot: Int, credentials: [Credential]) -> any SessionTransport {
        zooKeeper.makeTransport(credentials: credentials)
    }

    func expire(_ session: ZooKeeperSession, slot: Int) async throws { try zooKeeper.expire(session) }

    func whileAway(_ session: ZooKeeperSession, slot: Int, _ body: () async throws -> Void) async throws {
        try await zooKeeper.whileRefusing(session, body)
    }
}

struct ComparedRealServer: ComparedServer {
    let server: ZooKeeperServer
    /// The relays, one for each slot, so that one session can be cut off without the others.
    let relays: [ZooKeeperRelay]

    static func with(slots: Int, _ body: (ComparedRealServer) async throws -> Void) async throws {
        var configuration = ServerConfiguration()
        // Otherwise it would remove empty containers in between.
        configuration.systemProperties["znode.container.checkIntervalMs"] = "3600000"
        try await ZooKeeperServer.withServer(configuration) { server in
            try await withRelays(slots, to: server, []) { relays in
                try await body(ComparedRealServer(server: server, relays: relays))
            }
        }
    }

    private static func withRelays(
        _ count: Int, to server: ZooKeeperServer, _ relays: [ZooKeeperRelay],
        _ body: ([ZooKeeperRelay]) async throws -> Void
    ) async throws {
        if relays.count == count { return try await body(relays) }
        try await ZooKeeperRelay.withRelay(to: server) { relay in
            try await withRelays(count, to: server, relays + [relay], body)
        }
    }

    func makeTransport(slot: Int, credentials: [Credential]) -> any SessionTransport {
        let port = slot < relays.count ? relays[slot].port : server.port
        let address: ZooKeeperConfiguration = "127.0.0.1:2181"
        var servers = address.servers
        if let server = try? ServerAddress(host: "127.0.0.1", port: port) { servers = [server] }
        return CTransport(servers: servers, credentials: credentials, logger: Logger(label: "differential"))
    }

    func expire(_ session: ZooKeeperSession, slot: Int) async throws {
        // Otherwise the client might come back before the session is closed, and it would be closed twice.
        try await whileAway(session, slot: slot) {
            try await eventually("it is disconnected") { !session.isConnected }
            try await server.expire(session)
        }
    }

    func whileAway(_ session: ZooKeeperSession, slot: Int, _ body: () async throws -> Void) async throws {
        try await relays[slot].whileRefusing(body)
    }
}
