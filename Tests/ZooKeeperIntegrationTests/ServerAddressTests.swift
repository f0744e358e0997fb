// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// The addresses at which a client looks for servers, and the order in which it tries them.
@Suite(.timeLimit(.minutes(3))) struct ServerAddressTests {
    private func address(_ port: Int) throws -> ServerAddress { try ServerAddress(host: "127.0.0.1", port: port) }

    @Test func addressesThatHangDoNotKeepAClientOut() async throws {
        try await ZooKeeperServer.withServer { server in
            let holes = try [BlackHole(), BlackHole()]
            var configuration = try ZooKeeperConfiguration(servers: holes.map { try address($0.port) })
            configuration.servers.append(try address(server.port))
            configuration.serverOrder = .fixed
            configuration.sessionTimeout = .seconds(6)
            configuration.connectTimeout = .seconds(60)
            try await ZooKeeperClient.withClient(configuration) { client in
                _ = try await client.exists("/")
                #expect(client.currentSession?.server == (try address(server.port)))
            }
        }
    }

    /// Each takes up two thirds of the time-out in the C client: two of them cost the session.
    @Test func addressesThatHangDoNotCostTheSession() async throws {
        try await ZooKeeperServer.withServer { server in
            let holes = try [BlackHole(), BlackHole()]
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                var configuration = try relay.configuration
                configuration.servers += try holes.map { try address($0.port) } + [address(server.port)]
                configuration.serverOrder = .fixed
                configuration.sessionTimeout = .seconds(12)
                try await ZooKeeperClient.withClient(configuration) { client in
                    try await client.create("/e", mode: .ephemeral)
                    let session = try await client.withSession { $0 }
                    #expect(session.server?.port == relay.port)
                    try await relay.whileRefusing {
                        try await eventually("at the last address") { session.server?.port == server.port }
                    }
                    let stat = try await client.exists("/e")
                    #expect(stat?.ephemeralOwner == session.id)
                    #expect(client.currentSession?.generation == 1)
                }
            }
        }
    }

    @Test func aFixedOrderIsKept() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelays(to: [server, server, server]) { relays in
                var configuration = try relays[0].configuration
                configuration.servers = try relays.map { try address($0.port) }
                configuration.serverOrder = .fixed
                for _ in 0..<5 {
                    try await ZooKeeperClient.withClient(configuration) { client in
                        _ = try await client.exists("/")
                        #expect(client.currentSession?.server?.port == relays[0].port)
                    }
                }
                configuration.serverOrder = .random
                let seen = Shared<Set<Int>>([])
                try await eventually("each of them") {
                    try await ZooKeeperClient.withClient(configuration) { client in
                        _ = try await client.exists("/")
                        if let port = client.currentSession?.server?.port { seen.withLock { _ = $0.insert(port) } }
                    }
                    return seen.value.count == 3
                }
            }
        }
    }

    @Test func aClientWithoutServersIsRefused() async throws {
        let client = try ZooKeeperClient("127.0.0.1:1")
        await expectFailure(.invalidConfiguration) { try client.update(servers: []) }
        #expect(client.servers == [try address(1)])
        try client.update(servers: [address(2)])
        #expect(client.servers == [try address(2)])
    }

    /// Its configuration names the servers; the connect string names one, by another name.
    @Test func anEnsembleIsFollowed() async throws {
        try await Ensemble.withEnsemble { ensemble in
            let ports = Set(ensemble.servers.map(\.port))
            var configuration = try ensemble.servers[0].configuration
            configuration.followsEnsemble = true
            configuration.sessionTimeout = .seconds(12)
            try await ZooKeeperClient.withClient(configuration) { client in
                _ = try await client.exists("/")
                let known = try await client.ensembleConfiguration().clientAddresses
                // Where the configuration does not say where clients connect, nothing is followed.
                if known.isEmpty {
                    #expect(client.servers.map(\.port) == [ensemble.servers[0].port])
                } else {
                    try await eventually("all are known") { Set(client.servers.map(\.port)) == ports }
                    await ensemble.servers[0].kill()
                    _ = try await client.exists("/")
                }
            }
        }
    }

    @Test(arguments: [
        ("zk1:2888:3888:participant;0.0.0.0:2181", "zk1:2181"), ("zk1:2888:3888;2181", "zk1:2181"),
        ("zk1:2888:3888:observer;10.0.0.7:2182", "10.0.0.7:2182"), ("[::1]:2888:3888;[::]:2181", "[::1]:2181"),
        ("zk1:2888:3888|zk1b:2889:3889:participant;2181", "zk1:2181"), ("zk1:2888:3888", nil), ("zk1:2888:3888;x", nil),
        ("", nil),
    ]) func aConfigurationSaysWhereClientsConnect(_ line: String, _ address: String?) {
        let configuration = EnsembleConfiguration(Array("server.1=\(line)\nversion=100000000".utf8))
        #expect(configuration.clientAddresses.map(\.description) == (address.map { [$0] } ?? []))
    }
}
