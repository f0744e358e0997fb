// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct AuthenticationTests {
    private let bob = Credential.digest(user: "bob", password: "sesame")

    /// A node that only bob may touch.
    private func makeBobsNode(_ server: ZooKeeperServer) async throws -> ZNodePath {
        var configuration = try server.configuration
        configuration.credentials = [bob]
        return try await ZooKeeperClient.withClient(configuration) { client in
            try await client.create(
                "/bobs-", data: [1], mode: .persistentSequential, accessControl: .creatorAll
            ).path
        }
    }

    @Test func whoHasTheCredentialMay() async throws {
        let server = try ZooKeeperServer.required
        let path = try await makeBobsNode(server)
        try await server.withClient { client in
            await expectFailure(.noNode) { try await client.get("/x") }
        }
        try await ZooKeeperClient.withClient(server.configuration) { client in
            let error = await expectFailure(.noAuth) { try await client.get(path) }
            #expect((error as? ZooKeeperError)?.execution == .refused)
            try await client.authenticate(bob)
            #expect(try await client.get(path).data == [1])
        }
    }

    @Test func aWrongPasswordIsAnotherIdentity() async throws {
        let server = try ZooKeeperServer.required
        let path = try await makeBobsNode(server)
        var configuration = try server.configuration
        configuration.credentials = [.digest(user: "bob", password: "wrong")]
        try await ZooKeeperClient.withClient(configuration) { client in
            await expectFailure(.noAuth) { try await client.get(path) }
        }
    }

    @Test func credentialsAreShownOnEveryConnectionAndInEverySession() async throws {
        let server = try ZooKeeperServer.required
        let path = try await makeBobsNode(server)
        try await ZooKeeperRelay.withRelay(to: server) { relay in
            try await ZooKeeperClient.withClient(relay.configuration) { client in
                try await client.authenticate(bob)
                relay.cut()
                #expect(try await client.get(path).data == [1])
                let session = try await client.withSession { $0 }
                try await server.expire(session)
                try await eventually("a new session") { try await client.withSession { $0.generation } == 2 }
                #expect(try await client.get(path).data == [1])
            }
        }
    }

    @Test func anAuthenticationWaitsForWhatIsUnderWay() async throws {
        let server = try ZooKeeperServer.required
        let path = try await makeBobsNode(server)
        try await server.withClient { client in
            try await client.create("/a")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<100 {
                    group.addTask { try await client.set("/a", to: [UInt8](repeating: 1, count: 10_000)) }
                    if index == 50 { group.addTask { try await client.authenticate(bob) } }
                }
                try await group.waitForAll()
            }
        }
        _ = path
    }

    @Test func anUnknownSchemeEndsTheSession() async throws {
        let server = try ZooKeeperServer.required
        try await server.withClient { client in
            let session = try await client.withSession { $0 }
            await expectFailure(.authenticationFailed) {
                try await client.authenticate(Credential(scheme: "nonsense", proof: [1]))
            }
            try await eventually("the session is lost") { session.state == .lost(.authenticationFailed) }
            try await eventually("and followed by one that works") {
                try await client.withSession { $0.generation } >= 2
            }
            #expect(try await client.exists("/x") == nil)
        }
        var configuration = try server.configuration
        configuration.credentials = [Credential(scheme: "nonsense", proof: [1])]
        configuration.connectTimeout = .seconds(2)
        configuration.requestTimeout = .seconds(2)
        try await ZooKeeperClient.withClient(configuration) { client in
            try await eventually("it is said") {
                do { _ = try await client.exists("/x") } catch ZooKeeperError.Code.authenticationFailed { return true }
                return false
            }
        }
    }
}
