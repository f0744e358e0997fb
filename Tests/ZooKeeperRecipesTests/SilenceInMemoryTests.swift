import Logging
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes

/// Servers that accept connections and then say nothing: nobody waits for them longer than he wanted.
@Suite(.timeLimit(.minutes(3))) struct SilenceInMemoryTests {
    /// Runs `body` with a client whose server has fallen silent, and goes on accepting its connections.
    private func withSilence(
        credentials: [Credential] = [], chroot: ZNodePath = .root,
        _ body: (ZooKeeperClient, ZooKeeperSession) async throws -> Void
    ) async throws {
        let transport = SilentTransport(timeout: .seconds(2), patience: .milliseconds(300))
        var configuration: ZooKeeperConfiguration = "silent:1"
        configuration.sessionTimeout = .seconds(2)
        configuration.requestTimeout = .seconds(1)
        // The session is not to help whoever waits, by ending.
        configuration.abandonAfter = .seconds(3_600)
        configuration.credentials = credentials
        configuration.chroot = chroot
        let client = try ZooKeeperClient(configuration, logger: Logger(label: "test")) { _, _ in transport }
        try await client.run { client in
            let session = try await client.withSession { $0 }
            transport.fallSilent()
            let known = transport.connections
            try await eventually("a handshake, and nothing behind it") { transport.connections > known }
            try await body(client, session)
            #expect(!session.state.isFinal, "it was not the end of the session that ended the waiting")
        }
    }

    /// Whoever shows credentials waits for their answer on every connection; the new handshake is no sign of life.
    @Test(arguments: [[], [Credential.digest(user: "a", password: "b")]])
    func callsEndAlthoughEveryConnectionIsAccepted(_ credentials: [Credential]) async throws {
        try await withSilence(credentials: credentials) { client, _ in
            let results = Shared<[Result<Void, any Error>]>([])
            Task {
                let result = await Task { _ = try await client.get("/a") }.result
                results.withLock { $0.append(result) }
            }
            Task {
                let result = await Task { _ = try await client.set("/a", to: [1]) }.result
                results.withLock { $0.append(result) }
            }
            // If they did not, they would until the client is closed.
            try await eventually("both end") { results.value.count == 2 }
            for result in results.value {
                #expect { try result.get() } throws: { ZooKeeperError.Code.connectionLoss ~= $0 }
            }
        }
    }

    /// What was not sent says so: whoever wrote may write again.
    @Test func aWriteBehindUnansweredCredentialsWasNotSent() async throws {
        try await withSilence(credentials: [.digest(user: "a", password: "b")]) { client, _ in
            let outcome = Shared<ZooKeeperError.Execution?>(nil)
            Task {
                do { try await client.set("/a", to: [1]) } catch let error as ZooKeeperError {
                    outcome.withLock { $0 = error.execution }
                }
            }
            try await eventually("it ends") { outcome.value != nil }
            #expect(outcome.value == .notSent)
        }
    }

    @Test(arguments: [[], [Credential.digest(user: "a", password: "b")]])
    func anAttemptEnds(_ credentials: [Credential]) async throws {
        try await withSilence(credentials: credentials) { client, _ in
            let lock = ZooKeeperLock(client, at: "/l")
            await #expect { _ = try await lock.withLockIfAvailable { _ in } } throws: {
                LockError.Code.unavailable ~= $0 && ZooKeeperError.Code.connectionLoss ~= $0
            }
        }
    }

    @Test func aWaiterWithALimitEndsAtIt() async throws {
        try await withSilence { client, _ in
            let start = ContinuousClock.now
            await #expect {
                try await ZooKeeperLock(client, at: "/l").withLock(waitingUpTo: .milliseconds(1_200)) { _ in }
            } throws: { LockError.Code.timedOut ~= $0 }
            #expect(start.duration(to: .now) >= .milliseconds(1_200))
        }
    }
}
