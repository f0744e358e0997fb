import Logging
import TestSupport
import ZooKeeper
import ZooKeeperTesting

/// One of the two servers that are compared, and how to give its sessions trouble.
protocol World: Sendable {
    var name: String { get }
    /// - Parameter place: Which of the sessions' ways to the server to take.
    func makeTransport(place: Int, credentials: [Credential]) -> any SessionTransport
    func expire(_ session: ZooKeeperSession, place: Int) async throws
    /// Lets a session have no connection while `body` runs.
    func whileAway(_ session: ZooKeeperSession, place: Int, _ body: () async throws -> Void) async throws
}

struct MemoryWorld: World {
    let name = "in memory"
    let zooKeeper = InMemoryZooKeeper()

    func makeTransport(place: Int, credentials: [Credential]) -> any SessionTransport {
        zooKeeper.makeTransport(credentials: credentials)
    }

    func expire(_ session: ZooKeeperSession, place: Int) async throws { try zooKeeper.expire(session) }

    func whileAway(_ session: ZooKeeperSession, place: Int, _ body: () async throws -> Void) async throws {
        try await zooKeeper.whileRefusing(session, body)
    }
}

struct ServerWorld: World {
    let name = "a real server"
    let server: ZooKeeperServer
    /// One for each place, so that one session can be cut off without the others.
    let relays: [ZooKeeperRelay]

    static func with(places: Int, _ body: (ServerWorld) async throws -> Void) async throws {
        var configuration = ServerConfiguration()
        // Otherwise it would remove empty containers in between.
        configuration.systemProperties["znode.container.checkIntervalMs"] = "3600000"
        try await ZooKeeperServer.withServer(configuration) { server in
            try await withRelays(places, to: server, []) { relays in
                try await body(ServerWorld(server: server, relays: relays))
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

    func makeTransport(place: Int, credentials: [Credential]) -> any SessionTransport {
        let port = place < relays.count ? relays[place].port : server.port
        let address: ZooKeeperConfiguration = "127.0.0.1:2181"
        var servers = address.servers
        if let server = try? ServerAddress(host: "127.0.0.1", port: port) { servers = [server] }
        return CTransport(servers: servers, credentials: credentials, logger: Logger(label: "differential"))
    }

    func expire(_ session: ZooKeeperSession, place: Int) async throws {
        // Otherwise the client might come back before the session is closed, and it would be closed twice.
        try await whileAway(session, place: place) {
            try await eventually("it is disconnected") { !session.isConnected }
            try await server.expire(session)
        }
    }

    func whileAway(_ session: ZooKeeperSession, place: Int, _ body: () async throws -> Void) async throws {
        try await relays[place].whileRefusing(body)
    }
}
