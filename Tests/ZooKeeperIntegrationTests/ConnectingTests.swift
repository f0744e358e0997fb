// SPDX-License-Identifier: Apache-2.0

import InMemoryLogging
import Logging
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// Errors of the first connection: every call returns, with an error that says what is wrong.
@Suite(.timeLimit(.minutes(3))) struct ConnectingTests {
    private func impatient(_ connectString: String) throws -> ZooKeeperConfiguration {
        var configuration = try ZooKeeperConfiguration(connectString)
        configuration.connectTimeout = .milliseconds(800)
        configuration.sessionTimeout = .seconds(4)
        return configuration
    }

    @Test func aServerThatIsNotThereIsNamed() async throws {
        try await ZooKeeperClient.withClient(impatient("127.0.0.1:1,127.0.0.1:2")) { client in
            let error = await expectFailure(.connectTimeout) { try await client.exists("/") }
            let text = "\(try #require(error))"
            #expect(text.contains("127.0.0.1:1") && text.contains("127.0.0.1:2"))
            #expect((error as? ZooKeeperError)?.execution == .notSent)
            await expectFailure(.connectTimeout) { try await client.create("/a") }
            await expectFailure(.connectTimeout) { try await client.withSession { _ in } }
        }
    }

    /// A client that waits for a connection without a limit gets no error for a wrong address: the log is the only
    /// sign.
    @Test func theLogSaysThatNoServerAnswers() async throws {
        let log = InMemoryLogHandler()
        let logger = Logger(label: "test") { _ in log }
        try await ZooKeeperClient.withClient(impatient("127.0.0.1:1"), logger: logger) { _ in
            try await eventually("it says so") {
                log.entries.contains {
                    $0.level == .info
                        && "\($0.metadata["zookeeper.session.lossReason"] ?? "")".hasPrefix("tried 127.0.0.1:1")
                }
            }
        }
        // An end that is wanted is no trouble.
        let quiet = InMemoryLogHandler()
        try await ZooKeeperClient.withClient(
            ZooKeeperConfiguration("127.0.0.1:1"), logger: Logger(label: "test") { _ in quiet }
        ) { _ in
        }
        #expect(quiet.entries.allSatisfy { $0.level < .info })
    }

    @Test func aHostThatCannotBeResolvedIsNamed() async throws {
        try await ZooKeeperClient.withClient(impatient("no-such-host.invalid:2181")) { client in
            let error = try #require(await expectFailure(.connectTimeout) { try await client.exists("/") })
            #expect("\(error)".contains("no-such-host.invalid"))
        }
    }

    @Test func oneHostOfSeveralIsEnough() async throws {
        try await ZooKeeperServer.withServer { server in
            let connectString = "no-such-host.invalid:2181,127.0.0.1:1,\(server.connectString)"
            try await ZooKeeperClient.withClient(ZooKeeperConfiguration(connectString)) { client in
                let stat = try await client.exists("/")
                #expect(stat != nil)
            }
            try await ZooKeeperClient.withClient(ZooKeeperConfiguration("localhost:\(server.port)")) { client in
                let stat = try await client.exists("/")
                #expect(stat != nil)
            }
        }
    }

    @Test(arguments: [
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html; charset=us-ascii\r\nConnection: close\r\n\r\n",
        String(repeating: "\u{0}", count: 64),
        "no protocol at all",
        "",
    ])
    func whatIsNoZooKeeperIsSaidToBeNone(_ answer: String) async throws {
        try await FixedResponseServer.withServer(answering: answer) { server in
            try await ZooKeeperClient.withClient(impatient("127.0.0.1:\(server.port)")) { client in
                let error = try #require(await expectFailure(.connectTimeout) { try await client.exists("/") })
                #expect("\(error)".contains("127.0.0.1:\(server.port)"))
            }
        }
    }

    @Test func beforeRunItSaysSo() async throws {
        let client = try ZooKeeperClient(impatient("127.0.0.1:1"))
        await expectFailure(.notRunning) { try await client.exists("/") }
        await expectFailure(.notRunning) { try await client.withSession { _ in } }
        let (first, second) = await client.pipeline(GetData("/"), Exists("/"))
        await expectFailure(.notRunning) { try first.get() }
        await expectFailure(.notRunning) { try second.get() }
    }

    @Test func whatIsAskedBeforeRunIsDoneAfterIt() async throws {
        try await ZooKeeperServer.withServer { server in
            let client = try ZooKeeperClient(server.configuration)
            let early = Task { try await client.exists("/") }
            let run = Task { await client.run() }
            let stat = try await early.value
            #expect(stat != nil)
            run.cancel()
            await run.value
        }
    }

    @Test func afterTheEndItIsClosed() async throws {
        try await ZooKeeperServer.withServer { server in
            let client = try await ZooKeeperClient.withClient(server.configuration) { client in
                _ = try await client.exists("/")
                return client
            }
            #expect(client.sessionState == .closed)
            await expectFailure(.closed) { try await client.exists("/") }
            await expectFailure(.closed) { try await client.create("/a") }
            await expectFailure(.closed) { try await client.withSession { _ in } }
            await client.run()
            var states: [SessionState] = []
            for await state in client.states { states.append(state) }
            #expect(states == [.closed])
        }
    }

    @Test func aClientThatNeverConnectedEndsAtOnceWhenCancelled() async throws {
        let client = try ZooKeeperClient(impatient("127.0.0.1:1"))
        let run = Task { await client.run() }
        let waiting = Task { try await client.exists("/") }
        run.cancel()
        await run.value
        await expectFailure(.closed) { try await waiting.value }
    }

    @Test func waitingForAConnectionCanBeCancelled() async throws {
        var configuration = try impatient("127.0.0.1:1")
        configuration.connectTimeout = .seconds(3_600)
        try await ZooKeeperClient.withClient(configuration) { client in
            let task = Task { try await client.exists("/") }
            task.cancel()
            await expectFailure(.cancelled) { try await task.value }
        }
    }

    @Test func itConnectsWhenTheServerComes() async throws {
        try await ZooKeeperServer.withServer { server in
            await server.kill()
            try await ZooKeeperClient.withClient(server.configuration) { client in
                async let answer = client.exists("/")
                try await server.restart()
                #expect(try await answer != nil)
            }
        }
    }
}
