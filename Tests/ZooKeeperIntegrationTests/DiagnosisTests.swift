// SPDX-License-Identifier: Apache-2.0

import InMemoryLogging
import Logging
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// What a user is told when no connection comes about, or none lasts.
@Suite(.timeLimit(.minutes(3))) struct DiagnosisTests {
    /// Something that stands where a server is expected.
    enum Peer: CaseIterable, Sendable {
        case nobody
        case blackHole
        case silent
        case closing
        case withoutQuorum
        case webServer

        var words: String {
            switch self {
            case .nobody: "refuses connections"
            case .blackHole: "is silent"
            case .silent: "accepts connections and does not answer"
            case .closing: "accepts connections and closes them"
            case .withoutQuorum: "runs and serves nobody"
            case .webServer: "is no ZooKeeper server"
            }
        }

        func withPort(_ body: (Int) async throws -> Void) async throws {
            switch self {
            case .nobody:
                let port: Int
                do {
                    let listener = try LoopbackListener { _ in }
                    port = listener.port
                    listener.close()
                }
                try await body(port)
            case .blackHole:
                let hole = try BlackHole()
                try await body(hole.port)
                withExtendedLifetime(hole) {}
            case .silent: try await FixedResponseServer.withServer(answering: "") { try await body($0.port) }
            case .closing:
                let listener = try LoopbackListener { _ in }
                defer { listener.close() }
                try await body(listener.port)
            case .withoutQuorum:
                // Clients are turned away, and the command is answered.
                let listener = try LoopbackListener { connection in
                    if connection.read() == Array("srvr".utf8) {
                        connection.write(Array("This ZooKeeper instance is not currently serving requests\n".utf8))
                    }
                }
                defer { listener.close() }
                try await body(listener.port)
            case .webServer:
                try await FixedResponseServer.withServer(answering: "HTTP/1.1 400 Bad Request\r\n\r\n") {
                    try await body($0.port)
                }
            }
        }
    }

    @Test(arguments: Peer.allCases) func theErrorAndTheLogSayWhatTheServerDoes(_ peer: Peer) async throws {
        try await peer.withPort { port in
            var configuration = try ZooKeeperConfiguration("127.0.0.1:\(port)")
            configuration.connectTimeout = .seconds(3)
            configuration.sessionTimeout = .seconds(6)
            let log = InMemoryLogHandler()
            try await ZooKeeperClient.withClient(configuration, logger: Logger(label: "test") { _ in log }) { client in
                let error = try #require(await expectFailure(.connectTimeout) { try await client.exists("/") })
                #expect("\(error)".contains("127.0.0.1:\(port) \(peer.words)"), "\(error)")
                // One that answers nonsense ends each attempt before it need be looked at.
                if peer != .webServer {
                    try await eventually("it is logged") {
                        log.entries.contains {
                            $0.level == .info && $0.message.description.contains("No server has answered")
                                && "\($0.metadata["zookeeper.session.lossReason"] ?? "")".contains(peer.words)
                        }
                    }
                }
            }
        }
    }

    /// Nobody stands in the light of another.
    @Test func severalServersAreLookedAtTogether() async throws {
        let peers = [Peer.blackHole, .silent, .withoutQuorum, .nobody]
        func look(_ ports: [Int], _ rest: some Sequence<Peer>) async throws {
            var rest = Array(rest)
            guard let peer = rest.first else {
                var configuration = try ZooKeeperConfiguration(
                    ports.map { "127.0.0.1:\($0)" }.joined(separator: ","))
                configuration.connectTimeout = .seconds(5)
                try await ZooKeeperClient.withClient(configuration) { client in
                    let error = try #require(await expectFailure(.connectTimeout) { try await client.exists("/") })
                    for (peer, port) in zip(peers, ports) {
                        #expect("\(error)".contains("127.0.0.1:\(port) \(peer.words)"), "\(error)")
                    }
                }
                return
            }
            rest.removeFirst()
            try await peer.withPort { try await look(ports + [$0], rest) }
        }
        try await look([], peers)
    }

    @Test func aConnectedClientSaysSoWhenItsServerIsAway() async throws {
        let log = InMemoryLogHandler()
        try await ZooKeeperServer.withServer { server in
            var configuration = try server.configuration
            configuration.sessionTimeout = .seconds(30)
            try await ZooKeeperClient.withClient(configuration, logger: Logger(label: "test") { _ in log }) { client in
                _ = try await client.exists("/")
                #expect(log.entries.allSatisfy { $0.level < .info })
                await server.kill()
                func lines() -> [InMemoryLogHandler.Entry] {
                    log.entries.filter {
                        $0.level == .info && $0.message.description.contains("No server has answered")
                    }
                }
                try await eventually("it is logged") { lines().count == 1 }
                #expect(lines().first?.metadata["zookeeper.session.id"] != nil)
                try await server.restart()
                let stat = try await client.exists("/")
                #expect(stat != nil)
                #expect(lines().count == 1)
            }
        }
    }

    @Test func aStormOfConnectionsIsLoggedOnce() async throws {
        let log = InMemoryLogHandler()
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                var configuration = try relay.configuration
                configuration.sessionTimeout = .seconds(30)
                try await ZooKeeperClient.withClient(configuration, logger: Logger(label: "test") { _ in log }) {
                    client in
                    for _ in 0..<20 {
                        _ = try await client.exists("/")
                        relay.cut()
                    }
                    func lines() -> Int {
                        log.entries.count { $0.message.description.contains("Connections are lost again and again") }
                    }
                    try await eventually("it is logged") { lines() > 0 }
                    #expect(lines() == 1)
                }
            }
        }
    }

    /// Two clients in one process: each has its own lines of the C client.
    @Test func theLinesOfTheCClientGoToTheirOwnClient() async throws {
        let (first, second) = (InMemoryLogHandler(), InMemoryLogHandler())
        func logger(_ handler: InMemoryLogHandler) -> Logger {
            var logger = Logger(label: "test") { _ in handler }
            logger.logLevel = .debug
            return logger
        }
        func lines(_ handler: InMemoryLogHandler, _ port: Int) -> Int {
            handler.entries.count { "\($0.metadata["zookeeper.client.line"] ?? "")".contains(":\(port)]") }
        }
        try await Peer.nobody.withPort { one in
            try await Peer.closing.withPort { other in
                try await ZooKeeperClient.withClient(
                    ZooKeeperConfiguration("127.0.0.1:\(one)"), logger: logger(first)
                ) { _ in
                    try await ZooKeeperClient.withClient(
                        ZooKeeperConfiguration("127.0.0.1:\(other)"), logger: logger(second)
                    ) { _ in
                        try await eventually("both have lines") { lines(first, one) > 0 && lines(second, other) > 0 }
                    }
                }
                #expect(lines(first, other) == 0 && lines(second, one) == 0)
            }
        }
    }

    // MARK: Words

    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"), (1_764_360_665_123, "2025-11-28T20:11:05.123Z"),
        (4_102_444_799_999, "2099-12-31T23:59:59.999Z"),
    ]) func timesAreForPeople(_ milliseconds: Int64, _ text: String) {
        #expect("\(UTCTime(millisecondsSince1970: milliseconds))" == text)
    }

    @Test func statesAreForPeople() {
        let id = SessionID(rawValue: 0x1f)
        let state = SessionState.suspended(id, expiresBy: .now + .seconds(10))
        #expect("\(state)".hasPrefix("suspended, session 0x1f, nothing proven after 20"))
        #expect(!"\(state)".contains("ContinuousClock"))
    }
}
