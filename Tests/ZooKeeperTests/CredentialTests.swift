// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Logging
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// Credentials of clients whose connections and sessions are lost.
@Suite(.timeLimit(.minutes(3))) struct CredentialTests {
    private let zooKeeper = InMemoryZooKeeper()

    private var patientConfiguration: ZooKeeperConfiguration {
        var configuration = zooKeeper.configuration
        configuration.sessionTimeout = .seconds(600)
        return configuration
    }

    /// A server that refuses it closes the connection, and the end of that may be seen before the answer.
    @Test func anAuthenticationIsSentAgainAfterALostConnection() async throws {
        let isFirst = Shared(true)
        let client = try InMemoryZooKeeper().makeClient { pending in
            guard case .authenticate = pending.request.action else { return nil }
            return isFirst.withLock { isFirst in
                defer { isFirst = false }
                return isFirst ? .connectionLoss : nil
            }
        }
        try await client.run { client in
            try await client.authenticate(.digest(user: "a", password: "b"))
            #expect(!isFirst.value)
            try await client.create("/mine", accessControl: .creatorAll)
            _ = try await client.get("/mine")
        }
    }

    /// The session is lost before the servers have answered: the next one shows the credential from the start.
    @Test func aCredentialIsRememberedBeforeItIsSent() async throws {
        let credential = Credential.digest(user: "a", password: "b")
        let shown = Shared<[[Credential]]>([])
        let session = Shared<ZooKeeperSession?>(nil)
        let configuration = patientConfiguration
        let client = try ZooKeeperClient(configuration, logger: Logger(label: "test")) { [zooKeeper] configuration, _ in
            shown.withLock { $0.append(configuration.credentials) }
            let queue = DispatchQueue(label: "test")
            return AnsweringTransport(
                zooKeeper.makeTransport(credentials: configuration.credentials, on: queue), on: queue
            ) { pending in
                guard case .authenticate = pending.request.action, let lost = session.withLock({ $0.take() }) else {
                    return nil
                }
                try? zooKeeper.expire(lost)
                return .sessionExpired
            }
        }
        try await client.run { client in
            let first = try await client.withSession { $0 }
            session.withLock { $0 = first }
            try await client.authenticate(credential)
            #expect(shown.value == [[], [credential]])
            try await client.create("/mine", accessControl: .creatorAll)
            // In every session after it, too.
            try zooKeeper.expire(try await client.withSession { $0 })
            try await eventually("the third session") { shown.value.count == 3 }
            #expect(shown.value.last == [credential])
            _ = try await client.get("/mine")
        }
    }

    @Test func aCredentialThatIsRefusedIsForgotten() async throws {
        let shown = Shared<[[Credential]]>([])
        let client = try ZooKeeperClient(patientConfiguration, logger: Logger(label: "test")) {
            [zooKeeper] configuration, _ in
            shown.withLock { $0.append(configuration.credentials) }
            return zooKeeper.makeTransport(credentials: configuration.credentials)
        }
        try await client.run { client in
            let session = try await client.withSession { $0 }
            await expectFailure(.authenticationFailed) {
                try await client.authenticate(Credential(scheme: "nonsense", proof: [1]))
            }
            // The answer comes before the end of the session, and calls in between get that error too.
            try await eventually("that session is over") { session.state.isFinal }
            _ = try await client.exists("/")
            #expect(shown.value == [[], []])
        }
    }
}
