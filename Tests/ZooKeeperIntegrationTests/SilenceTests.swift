// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// Connections that fall silent, servers that know less than the client, sessions that are taken over.
@Suite(.timeLimit(.minutes(5))) struct SilenceTests {
    private func withRelay(
        timeout: Duration,
        _ body: (ZooKeeperServer, ZooKeeperRelay, ZooKeeperClient, ZooKeeperSession) async throws -> Void
    ) async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                var configuration = try relay.configuration
                configuration.sessionTimeout = timeout
                try await ZooKeeperClient.withClient(configuration) { client in
                    let session = try await client.withSession { $0 }
                    try await body(server, relay, client, session)
                }
            }
        }
    }

    /// A silence of less than two thirds of the time-out is noticed neither by the client nor by the server.
    @Test func aShortSilenceIsNoLoss() async throws {
        try await withRelay(timeout: .seconds(30)) { _, relay, client, session in
            try await client.create("/e", mode: .ephemeral)
            relay.freezeReplies()
            let call = Task { try await client.get("/e") }
            try await eventually("on its way") { relay.traffic.requests[.getData] == 1 }
            relay.thaw()
            _ = try await call.value
            #expect(relay.traffic.connections == 1)
            #expect(session.state == .connected(try #require(session.id)))
        }
    }

    /// A silence between two thirds and the whole of the time-out makes the C client reconnect, and the session lives
    /// on.
    @Test func aLongerSilenceSuspendsTheSession() async throws {
        try await withRelay(timeout: .seconds(9)) { _, relay, client, session in
            let id = try #require(session.id)
            let stat = try await client.create("/e", mode: .ephemeral).stat
            relay.freeze()
            let call = Task { try await client.get("/e") }
            try await eventually("suspended") { !session.isConnected }
            relay.thaw()
            _ = try await call.value
            #expect(session.state == .connected(id))
            #expect(session.generation == 1)
            #expect(stat?.ephemeralOwner == id)
        }
    }

    /// A silence of more than the time-out ends the session on the server, and the client is told.
    @Test func aSilenceLongerThanTheSessionEndsIt() async throws {
        try await withRelay(timeout: .seconds(2)) { server, relay, client, session in
            try await client.create("/e", mode: .ephemeral)
            relay.freeze()
            try await server.withClient(in: .root) { beside in
                try await eventually("expired") { try await beside.exists("/e") == nil }
            }
            relay.thaw()
            let end = await session.ended.wait()
            guard case .value(.lost) = end else {
                Issue.record("ended with \(end)")
                return
            }
            // The client itself goes on.
            try await client.create("/e", mode: .ephemeral)
            #expect(client.sessionState != session.state)
        }
    }

    /// The server stood still for longer than the session's time-out, and so did its clock's ticks: whether it lets the
    /// session live is a race. Both ends are fine, a third is not.
    @Test func afterAThawTheServerDecides() async throws {
        try await ZooKeeperServer.withServer { server in
            var configuration = try server.configuration
            configuration.sessionTimeout = .seconds(1)
            configuration.abandonAfter = .seconds(60)
            try await ZooKeeperClient.withClient(configuration) { client in
                for round in 0..<4 {
                    let session = try await client.withSession { $0 }
                    let id = try #require(session.id)
                    let path = try ZNodePath("/e\(round)")
                    try await client.create(path, mode: .ephemeral)
                    server.freeze()
                    try await eventually("overdue") { session.state == .overdue(id) }
                    server.thaw()
                    try await eventually("decided") {
                        session.state == .connected(id) || session.state == .lost(.expired)
                    }
                    // Asked of the leader, the node is there exactly if the session is.
                    try await client.sync()
                    let isThere = try await client.exists(path) != nil
                    let isAlive = session.state == .connected(id)
                    #expect(isThere == isAlive)
                }
            }
        }
    }

    /// Requests pass, answers do not, or the other way round.
    @Test(arguments: [true, false])
    func halfOpenConnectionsAreGivenUp(_ requestsPass: Bool) async throws {
        try await withRelay(timeout: .seconds(3)) { _, relay, client, session in
            requestsPass ? relay.freezeReplies() : relay.freezeRequests()
            try await eventually("another connection is tried") { relay.traffic.connections > 1 }
            relay.thaw()
            let stat = try await client.exists("/")
            #expect(stat != nil)
        }
    }

    @Test func serversThatAreSilentFromTheStartArePassedOver() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { first in
                try await ZooKeeperRelay.withRelay(to: server) { second in
                    first.freeze()
                    second.freeze()
                    var configuration = try ZooKeeperConfiguration(
                        "\(first.connectString),\(second.connectString),\(server.connectString)")
                    configuration.sessionTimeout = .seconds(3)
                    try await ZooKeeperClient.withClient(configuration) { client in
                        let stat = try await client.exists("/")
                        #expect(stat != nil)
                    }
                }
            }
        }
    }

    /// Another connection shows the session's id and password: the session moves there, and back.
    @Test func aSessionThatIsTakenOverComesBack() async throws {
        try await withRelay(timeout: .seconds(30)) { server, relay, client, session in
            try await client.create("/e", mode: .ephemeral)
            for round in 1...3 {
                try await server.takeOver(session)
                try await eventually("connected again") { relay.traffic.connections > round }
                let stat = try await client.exists("/e")
                #expect(stat?.ephemeralOwner == session.id)
            }
            #expect(session.generation == 1)
        }
    }

    /// The server came back from an old backup: it knows less than the client has seen and may not serve it.
    @Test func aServerFromAnOldBackupIsNotBelieved() async throws {
        try await ZooKeeperServer.withServer { server in
            await server.kill()
            server.saveData()
            try await server.restart()
            var configuration = try server.configuration
            configuration.sessionTimeout = .seconds(2)
            try await ZooKeeperClient.withClient(configuration) { client in
                let session = try await client.withSession { $0 }
                for _ in 0..<50 { try await client.create("/a-", mode: .persistentSequential) }
                await server.kill()
                server.restoreData()
                try await server.restart()
                // Refused by the server for as long as the session lasts; then a new one begins with what is there.
                #expect(await session.ended.wait().value == .lost(.abandoned))
                try await eventually("a new session") {
                    (try? await client.children(of: "/").names) == ["zookeeper"]
                }
            }
        }
    }

    @Test func aCallThatWasExecutedWhenTheServerDiedIsKnownToBeUnknown() async throws {
        try await withRelay(timeout: .seconds(30)) { server, relay, client, _ in
            relay.inject(RelayFault(.freeze, at: .reply(to: .create2)))
            let call = Task { try await client.create("/a") }
            try await eventually("executed") { relay.pendingFaults == 0 }
            await server.kill()
            relay.cut()
            let result = await call.result
            #expect { try result.get() } throws: { ($0 as? ZooKeeperError)?.execution == .unknown }
            try await server.restart()
            relay.thaw()
            let stat = try await client.exists("/a")
            #expect(stat != nil)
        }
    }
}
