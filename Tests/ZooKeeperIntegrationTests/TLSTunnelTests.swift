// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// A client behind two real stunnels, with the configurations of the article "TLS today".
@Suite(
    .enabled(if: Tunnel.isInstalled, "stunnel and openssl are not installed: Scripts/install"), .timeLimit(.minutes(3)))
struct TLSTunnelTests {
    /// The other side of the tunnel.
    enum Peer {
        case expected
        /// The server's certificate is of the authority, for another name.
        case serverWithAnotherName
        /// The client's certificate is of an authority that the server does not know.
        case clientOfAnotherAuthority
    }

    @Test func theClientWorks() async throws {
        try await withTunnel(.expected) { configuration, _, _ in
            try await ZooKeeperClient.withClient(configuration) { client in
                try await client.create("/tunnelled", data: "secret".utf8)
                let node = try await client.get("/tunnelled")
                #expect(node.data == Array("secret".utf8))
            }
        }
    }

    @Test func aServerWithAnotherNameIsNotTalkedTo() async throws {
        try await withTunnel(.serverWithAnotherName) { configuration, clientSide, _ in
            try await expectNoSession(configuration)
            try await eventually("the client's side says why") {
                clientSide.lines.value.contains { $0.contains("CERT: Subject checks failed") }
            }
        }
    }

    @Test func aClientOfAnotherAuthorityIsNotLetIn() async throws {
        try await withTunnel(.clientOfAnotherAuthority) { configuration, _, serverSide in
            try await expectNoSession(configuration)
            try await eventually("the server's side says why") {
                serverSide.lines.value.contains { $0.contains("unable to get local issuer certificate") }
            }
        }
    }

    /// The error also says what the article does: the local port accepts, and closes.
    private func expectNoSession(_ configuration: ZooKeeperConfiguration) async throws {
        var configuration = configuration
        configuration.connectTimeout = .seconds(3)
        try await ZooKeeperClient.withClient(configuration) { client in
            let error = await #expect(throws: ZooKeeperError.self) { try await client.create("/never") }
            #expect(error?.code == .connectTimeout)
            let message = error?.message ?? ""
            #expect(message.contains("accepts connections and closes them"), "\(message)")
        }
    }

    /// Runs `body` with a client configuration that leads through both sides of a tunnel, and what each side logs.
    private func withTunnel(
        _ peer: Peer,
        _ body:
            @Sendable (ZooKeeperConfiguration, _ client: Program.Running, _ server: Program.Running) async throws ->
            Void
    ) async throws {
        try await ZooKeeperServer.withServer { server in
            let tunnel = try await Tunnel()
            let result: Result<Void, any Error>
            do { result = .success(try await run(tunnel, to: server, peer, body)) } catch { result = .failure(error) }
            try await tunnel.remove()
            try result.get()
        }
    }

    private func run(
        _ tunnel: Tunnel, to server: ZooKeeperServer, _ peer: Peer,
        _ body:
            @Sendable (ZooKeeperConfiguration, _ client: Program.Running, _ server: Program.Running) async throws ->
            Void
    ) async throws {
        try await tunnel.makeCertificates(in: "ours")
        if peer == .clientOfAnotherAuthority { try await tunnel.makeCertificates(in: "others") }
        let serverName = peer == .serverWithAnotherName ? "client1.example.com" : "zk1.example.com"
        let clientFolder = peer == .clientOfAnotherAuthority ? "others" : "ours"
        let serverChanges = [
            ("accept = 0.0.0.0:2281", "accept = 127.0.0.1:0"),
            ("connect = 127.0.0.1:2181", "connect = \(server.connectString)"),
            ("/etc/stunnel/ca.pem", "/etc/stunnel/ours/ca.pem"),
            ("/etc/stunnel/zk1.example.com", "/etc/stunnel/ours/\(serverName)"),
        ]
        try await tunnel.run(1, serverChanges) { serverSide, port in
            let clientChanges = [
                ("accept = 127.0.0.1:2181", "accept = 127.0.0.1:0"),
                ("connect = zk1.example.com:2281", "connect = 127.0.0.1:\(port)"),
                ("/etc/stunnel/ca.pem", "/etc/stunnel/ours/ca.pem"),
                ("/etc/stunnel/client1.example.com", "/etc/stunnel/\(clientFolder)/client1.example.com"),
            ]
            try await tunnel.run(2, clientChanges) { clientSide, port in
                var configuration = try server.configuration
                configuration.servers = [try ServerAddress(host: "127.0.0.1", port: port)]
                try await body(configuration, clientSide, serverSide)
            }
        }
    }
}
