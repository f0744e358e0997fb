// SPDX-License-Identifier: Apache-2.0

import ProcessSignals
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// `zklock ls`, as its users run it.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct WindowListTests {
    private let server: ZooKeeperServer

    init() throws { server = try .required }

    @Test func whatNobodyUsesIsFree() async throws {
        try await server.withQueue { client, path in
            var (lines, status) = try await zklock("ls", "--connect", server.connectString, path.string)
            #expect(lines == ["\(path)  free"])
            #expect(status == 0)
            (lines, status) = try await zklock("ls", "--connect", server.connectString, "\(path)/gone")
            #expect(lines == ["\(path)/gone  free"])
            #expect(status == 0)
            #expect(try await client.exists(path.child("gone")) == nil, "nothing is made")
            let below = "\(server.connectString)\(path)"
            let json = try await zklock("ls", "--connect", below, "--json", "/gone")
            #expect(json.lines.count == 1)
            #expect(json.lines.first?.contains(#""queues":[{"path":"/gone","free":true,"kinds":[]"#) == true)
        }
    }

    @Test func readingWritesNothing() async throws {
        try await server.withQueue { client, path in
            _ = try await client.makeLeftover(at: path)
            try await client.create(path.child("last-run-2147483647"))
            let server = server
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                for arguments in [["ls"], ["ls", "--json"], ["ls", "--stuck-after", "1h"]] {
                    _ = try await Program("zklock").output(arguments + ["--connect", relay.connectString, path.string])
                }
                _ = try await zklock("break", "--connect", relay.connectString, path.string, "config")
                _ = try await Program("zklock").run(["watch", "--connect", relay.connectString, path.string]) {
                    _ = try await $0.line(containing: "  holds", 1)
                    ProcessSignal.send(SIGTERM, to: $0.pid)
                }
                let traffic = relay.traffic
                #expect(traffic.connections == 5)
                #expect(traffic.requests[.getData] ?? 0 >= 10, "each has read both nodes")
                #expect(traffic.writeCount == 0, "\(traffic)")
            }
        }
    }

    @Test func ourHolderIsShownWithItsToken() async throws {
        try await server.withQueue { client, path in
            try await ZooKeeperReadWriteLock(client, at: path).withReadLock { lease in
                let (lines, status) = try await zklock("ls", "--connect", server.connectString, path.string)
                #expect(status == 0)
                #expect(lines.first == "\(path)  Curator read/write lock: 1 holds")
                let line = try #require(lines.last)
                let session = try #require(client.currentSession)
                let id = try #require(session.id)
                #expect(line.hasPrefix("  holds  joined 2"))
                #expect(line.contains("  shared  Curator  session \(id)  token \(lease.fencingToken)  "))
                #expect(line.hasSuffix("  \(lease.nodePath.name)"))
            }
        }
    }

    @Test func locksBelowAPathAreFound() async throws {
        try await server.withQueue { client, path in
            let deep = path.child("a").child("b")
            try await ZooKeeperLock(client, at: deep).withLock { _ in
                try await ZooKeeperElection(client, at: path.child("z")).withLeadership { _ in
                    let (lines, status) = try await zklock("ls", "--connect", server.connectString, path.string)
                    #expect(status == 0)
                    #expect(
                        lines == [
                            "\(deep)  Curator mutex: 1 holds", "\(path)/z    Curator leader latch: 1 holds",
                        ])
                }
            }
        }
    }

    @Test func aLeftoverIsStuck() async throws {
        try await server.withQueue { client, path in
            let leftover = try await client.makeLeftover(at: path)
            let arguments = ["ls", "--connect", server.connectString, path.string]
            let (lines, status) = try await Program("zklock").status(arguments) { _ in }
            #expect(status == 0, "only those who ask get another status")
            #expect(lines.last?.hasPrefix("  stuck: no session owns \(leftover)") == true)
            #expect(try await Program("zklock").status(arguments + ["--stuck-after", "1h"]) { _ in }.status == 1)
        }
    }

    @Test func aFirstThatStaysIsStuckWhenAskedFor() async throws {
        try await server.withQueue { client, path in
            try await ZooKeeperLock(client, at: path).withLock { lease in
                let server = server
                try await eventually("it has been there for a millisecond") {
                    let (lines, status) = try await zklock(
                        "ls", "--connect", server.connectString, "--stuck-after", "0.001", path.string)
                    return status == 1 && lines.last?.hasPrefix("  stuck: \(lease.nodePath.name) is the first") == true
                }
                let patient = try await zklock(
                    "ls", "--connect", server.connectString, "--stuck-after", "1d", path.string)
                #expect(patient.status == 0)
            }
        }
    }

    @Test func nodesThatMayNotBeReadAreShown() async throws {
        try await server.withQueue { client, path in
            var configuration = try server.configuration
            configuration.credentials = [.digest(user: "ann", password: "secret")]
            try await ZooKeeperClient.withClient(configuration) { owner in
                var settings = ZooKeeperLock.Configuration()
                settings.accessControl = AccessControl([.init(.all, for: .digest(user: "ann", password: "secret"))])
                settings.directoryAccessControl = .open
                try await ZooKeeperLock(owner, at: path, configuration: settings).withLock { lease in
                    let (lines, status) = try await zklock("ls", "--connect", server.connectString, path.string)
                    #expect(status == 0)
                    let line = try #require(lines.last)
                    #expect(line.contains("  (not readable)  exclusive  Curator  session "), "\(lines)")
                    #expect(line.hasSuffix("  \(lease.nodePath.name)"), "\(lines)")
                    // Servers of version 3.9.3 tell the stat of a node only to those that may read it.
                    let isToldToEveryone = try await server.ask("srvr").hasPrefix("Zookeeper version: 3.8.0-")
                    #expect(line.contains("session 0x") == isToldToEveryone, "\(lines)")
                    #expect(line.contains("token \(lease.fencingToken)") == isToldToEveryone, "\(lines)")
                    #expect(line.contains("session unknown") == !isToldToEveryone, "\(lines)")
                    let shown = try await withTemporaryFile(containing: "digest:ann:secret\n") { file in
                        _ = try await Program(found: "chmod").output(["600", file])
                        return try await zklock(
                            "ls", "--connect", server.connectString, "--auth-file", file, path.string)
                    }
                    #expect(shown.lines.last?.contains("(not readable)") == false, "\(shown.lines)")
                    #expect(shown.status == 0)
                }
            }
        }
    }

    @Test func itSaysWhatIsWrong() async throws {
        let gone = try await zklock("ls", "--connect", "127.0.0.1:1", "--connect-timeout", "0.5")
        #expect(gone.status == 69)
        #expect(gone.lines.first?.hasPrefix("zklock: ZooKeeper (127.0.0.1:1) cannot be used: ") == true)
        #expect(gone.lines.first?.contains("refuses connections") == true)
        #expect(try await zklock("watch", "--connect", "127.0.0.1:1", "--connect-timeout", "0.5", "/a").status == 69)
        #expect(try await zklock("ls", "locks").status == 64)
        #expect(try await zklock("ls", "--stuck-after", "soon", "/").status == 64)
        #expect(try await zklock("break", "/locks", "/other/x").status == 64)
    }

    @Test func aDirectoryThatMayNotBeListedIsNamed() async throws {
        try await server.withQueue { client, path in
            let hidden = path.child("hidden")
            let nobody = AccessControl([.init(.all, for: .digest(user: "ann", password: "secret"))])
            try await client.create(hidden, accessControl: nobody)
            let (lines, status) = try await zklock("ls", "--connect", server.connectString, hidden.string)
            #expect(status == 69)
            #expect(
                lines == [
                    "zklock: this client may not list the children of \(hidden); give it credentials with --auth-file"
                ])
            let above = try await zklock("ls", "--connect", server.connectString, path.string)
            #expect(above.status == 0)
            #expect(above.lines.contains { $0.hasPrefix("zklock: the children of \(hidden) may not be listed") })
        }
    }
}
