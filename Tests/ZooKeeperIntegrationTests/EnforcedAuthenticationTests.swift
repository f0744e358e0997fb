// SPDX-License-Identifier: Apache-2.0

import InMemoryLogging
import Logging
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// Servers that serve only clients who have authenticated.
@Suite(.timeLimit(.minutes(3))) struct EnforcedAuthenticationTests {
    private func withServer(_ body: (ZooKeeperServer, ZooKeeperConfiguration) async throws -> Void) async throws {
        var configuration = ServerConfiguration()
        configuration.systemProperties["zookeeper.enforce.auth.enabled"] = "true"
        configuration.systemProperties["zookeeper.enforce.auth.schemes"] = "digest"
        try await ZooKeeperServer.withServer(configuration) { server in
            try await body(server, try server.configuration)
        }
    }

    @Test func withoutCredentialsItSaysWhatIsMissing() async throws {
        try await withServer { server, configuration in
            var configuration = configuration
            configuration.requestTimeout = .seconds(2)
            let log = InMemoryLogHandler()
            try await ZooKeeperClient.withClient(configuration, logger: Logger(label: "test") { _ in log }) { client in
                for _ in 0..<3 {
                    await #expect {
                        try await client.create("/a")
                    } throws: {
                        ZooKeeperError.Code.authenticationFailed ~= $0 && "\($0)".contains("authenticate")
                    }
                }
                // Each session waits longer than the last.
                let sessions = log.entries.count { "\($0.message)".contains("Session lost") }
                #expect(sessions < 12, "\(sessions)")
            }
        }
    }

    @Test(arguments: [true, false]) func withCredentialsItWorks(_ inConfiguration: Bool) async throws {
        try await withServer { server, configuration in
            let credential = Credential.digest(user: "a", password: "b")
            var configuration = configuration
            // A busy machine takes its time to restart a server.
            configuration.requestTimeout = patience
            if inConfiguration { configuration.credentials = [credential] }
            try await ZooKeeperClient.withClient(configuration) { client in
                if !inConfiguration { try await client.authenticate(credential) }
                try await client.create("/a", mode: .ephemeral)
                // On the next connection, and in the next session.
                await server.kill()
                try await server.restart()
                _ = try await client.get("/a")
                await (try await client.withSession { $0 }).close()
                try await eventually("works in the next session") { (try? await client.exists("/a")) == .some(nil) }
                try await client.create("/a")
            }
        }
    }
}
