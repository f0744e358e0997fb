// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Servers that get other addresses, as in a rolling restart on Kubernetes: sessions go on, and with them locks, waiters
/// and watches.
@Suite(.timeLimit(.minutes(5))) struct MovedServerTests {
    /// The behaviour of the address where the server was.
    enum OldAddress: CaseIterable, Sendable {
        case refuses
        /// Accepts connections, and is silent.
        case isFrozen
        /// Swallows all packets.
        case drops
    }

    /// A server, a client that reaches it at an old address, and a way to move it.
    private struct Scene {
        let server: ZooKeeperServer
        let client: ZooKeeperClient
        let relay: ZooKeeperRelay
        let old: OldAddress

        /// Takes the old address away, and gives the client the new one when `meanwhile` has returned.
        func move(_ meanwhile: () async throws -> Void = {}) async throws {
            let session = client.currentSession
            if old == .isFrozen {
                relay.freeze()
                relay.cut()
                try await finish(session, meanwhile)
            } else {
                try await relay.whileRefusing { try await finish(session, meanwhile) }
            }
        }

        private func finish(_ session: ZooKeeperSession?, _ meanwhile: () async throws -> Void) async throws {
            try await eventually("the connection is lost") { session?.isUp == false }
            try await meanwhile()
            try client.update(servers: [ServerAddress(host: "127.0.0.1", port: server.port)])
            try await eventually("connected to the new address") { session?.server?.port == server.port }
        }
    }

    private func withScene(
        _ old: OldAddress = .refuses, sessionTimeout: Duration = .seconds(12), _ body: (Scene) async throws -> Void
    ) async throws {
        try await ZooKeeperServer.withServer { server in
            let hole = try BlackHole()
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                var configuration = try relay.configuration
                configuration.sessionTimeout = sessionTimeout
                configuration.serverOrder = .fixed
                if old == .drops { configuration.servers.append(try ServerAddress(host: "127.0.0.1", port: hole.port)) }
                try await ZooKeeperClient.withClient(configuration) { client in
                    _ = try await client.exists("/")
                    try await body(Scene(server: server, client: client, relay: relay, old: old))
                }
            }
        }
    }

    @Test(arguments: OldAddress.allCases) func aLockIsKept(_ old: OldAddress) async throws {
        try await withScene(old) { scene in
            let id = try #require(scene.client.currentSession?.id)
            try await ZooKeeperLock(scene.client, at: "/lock").withLock { lease in
                try await scene.move()
                try lease.checkHeld()
                try await lease.verify()
            }
            #expect(scene.client.currentSession?.id == id)
            let children = try await scene.client.children(of: "/lock").names
            #expect(children == [])
        }
    }

    @Test(arguments: OldAddress.allCases) func aWaiterIsGrantedTheLock(_ old: OldAddress) async throws {
        try await withScene(old) { scene in
            try await scene.server.withClient(in: .root) { other in
                let lock = try await ZooKeeperLock(other, at: "/lock").acquire()
                let client = scene.client
                let waiting = Task { try await ZooKeeperLock(client, at: "/lock").acquire() }
                try await eventually("both in the queue") { try await other.children(of: "/lock").names.count == 2 }
                // Released in the middle of it: the news comes by the watch that is set again.
                try await scene.move { try await lock.release() }
                let held = try await waiting.value
                try held.lease.checkHeld()
                try await held.release()
            }
        }
    }

    /// Each watch sees the first change after its read, once: that of before the move as well as that of after it.
    @Test func watchesSeeWhatHappenedMeanwhile() async throws {
        try await withScene { scene in
            let client = scene.client
            for path: ZNodePath in ["/data", "/quiet", "/gone", "/parent"] { try await client.create(path) }
            let data = try await client.getWatched("/data")
            let quiet = try await client.getWatched("/quiet")
            let gone = try await client.existsWatched("/gone")
            let absent = try await client.existsWatched("/absent")
            let children = try await client.childrenWatched(of: "/parent")
            try await scene.server.withClient(in: .root) { other in
                try await scene.move {
                    try await other.set("/data", to: [1])
                    try await other.delete("/gone")
                    try await other.create("/absent")
                    try await other.create("/parent/a")
                }
                #expect(try await data.watch.event().kind == .dataChanged)
                #expect(try await gone.watch.event().kind == .deleted)
                #expect(try await absent.watch.event().kind == .created)
                #expect(try await children.watch.event().kind == .childrenChanged)
                #expect(quiet.watch.registration.result.current == nil)
                try await other.set("/quiet", to: [1])
                #expect(try await quiet.watch.event().kind == .dataChanged)
            }
        }
    }

    /// A server that accepts a handshake and is silent may have ended nothing; the handle that waits for it says no
    /// goodbye.
    @Test func aHandshakeThatIsAnsweredTooLateEndsNothing() async throws {
        try await withScene(.isFrozen) { scene in
            let id = try #require(scene.client.currentSession?.id)
            try await scene.client.create("/e", mode: .ephemeral)
            try await scene.move()
            let connections = try #require(scene.client.currentSession?.connection)
            // The old handshake takes the session now; the new handle takes it back.
            scene.relay.thaw()
            try await eventually("lost, and taken back") {
                scene.client.currentSession?.connection ?? 0 > connections
            }
            for _ in 0..<3 {
                let stat = try await scene.client.exists("/e")
                #expect(stat?.ephemeralOwner == id)
            }
            #expect(scene.client.currentSession?.id == id)
        }
    }

    /// The session's owner changes without the new server being told, and its old connection would live on.
    @Test func aHandshakeThatAnotherServerAnswersTooLateIsGivenUp() async throws {
        try await Ensemble.withEnsemble { ensemble in
            let leader = try await ensemble.waitForLeader()
            let followers = ensemble.servers.indices.filter { $0 != leader }
            let (old, new) = (ensemble.servers[followers[0]], ensemble.servers[followers[1]])
            try await ZooKeeperRelay.withRelay(to: old) { relay in
                var configuration = try relay.configuration
                configuration.sessionTimeout = .seconds(12)
                configuration.connectTimeout = .seconds(60)
                try await ZooKeeperClient.withClient(configuration) { client in
                    try await ZooKeeperLock(client, at: "/lock").withLock { lease in
                        let session = lease.session
                        relay.freeze()
                        relay.cut()
                        try await eventually("the connection is lost") { !session.isUp }
                        try client.update(servers: [ServerAddress(host: "127.0.0.1", port: new.port)])
                        try await eventually("connected to the new server") { session.server?.port == new.port }
                        let connections = session.connection
                        relay.thaw()
                        // The old connection has the session now, of which the new one hears when it writes.
                        try await eventually("lost, and taken back") {
                            _ = try? await client.createIfMissing("/written")
                            _ = try? await client.set("/written", to: [1])
                            return session.connection > connections
                        }
                        try await eventually("given up") { relay.connectionCount == 0 }
                        try lease.checkHeld()
                        try await lease.verify()
                    }
                    #expect(client.currentSession?.generation == 1)
                }
            }
        }
    }

    @Test func severalServersMoveOneByOne() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelays(to: [server, server, server, server, server]) { relays in
                var configuration = try relays[0].configuration
                configuration.sessionTimeout = .seconds(12)
                try await ZooKeeperClient.withClient(configuration) { client in
                    try await ZooKeeperLock(client, at: "/lock").withLock { lease in
                        let session = lease.session
                        for (old, new) in zip(relays, relays.dropFirst()) {
                            try client.update(servers: new.configuration.servers)
                            try await old.whileRefusing {
                                try await eventually("moved") { session.server?.port == new.port }
                            }
                            try lease.checkHeld()
                        }
                    }
                }
            }
        }
    }

    /// All five servers have other addresses at once; four of the old ones swallow packets, or refuse.
    @Test(arguments: [true, false]) func allServersMoveAtOnce(dropsPackets: Bool) async throws {
        try await ZooKeeperServer.withServer { server in
            let holes = try (0..<4).map { _ in try BlackHole() }
            try await ZooKeeperRelay.withRelays(to: [server, server, server, server, server]) { relays in
                var configuration = try relays[0].configuration
                configuration.sessionTimeout = .seconds(12)
                configuration.serverOrder = .fixed
                let others = dropsPackets ? holes.map(\.port) : relays.dropFirst().map(\.port)
                for port in others { configuration.servers.append(try ServerAddress(host: "127.0.0.1", port: port)) }
                try await ZooKeeperClient.withClient(configuration) { client in
                    try await ZooKeeperLock(client, at: "/lock").withLock { lease in
                        let session = lease.session
                        try client.update(servers: [ServerAddress(host: "127.0.0.1", port: server.port)])
                        try await refusing(relays[...]) {
                            try await eventually("moved") { session.server?.port == server.port }
                            try await lease.verify()
                        }
                        #expect(client.currentSession === session)
                    }
                }
            }
        }
    }

    /// Runs `body` while none of them takes a connection.
    private func refusing(_ relays: ArraySlice<ZooKeeperRelay>, _ body: () async throws -> Void) async throws {
        guard let first = relays.first else { return try await body() }
        try await first.whileRefusing { try await refusing(relays.dropFirst(), body) }
    }
}
