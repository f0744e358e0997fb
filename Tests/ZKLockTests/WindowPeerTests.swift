// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// The queues of other libraries, as `zklock` shows them.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct WindowPeerTests {
    private let server: ZooKeeperServer

    init() throws { server = try .required }

    /// Waits until `zklock ls` prints lines with these beginnings and these words, in this order.
    private func expect(_ path: ZNodePath, _ lines: [(start: String, words: [String])]) async throws {
        let server = server
        let last = Shared<[String]>([])
        do {
            try await eventually("it is shown") {
                let (output, status) = try await zklock("ls", "--connect", server.connectString, path.string)
                last.withLock { $0 = output }
                return status == 0 && output.count == lines.count
                    && zip(output, lines).allSatisfy { line, expected in
                        line.hasPrefix(expected.start) && expected.words.allSatisfy { line.contains("  \($0)") }
                    }
            }
        } catch {
            Issue.record("\(last.value.joined(separator: "\n"))")
            throw error
        }
        print(last.value.joined(separator: "\n"))
    }

    @Test(.needs(.curator)) func curatorsMutex() async throws {
        let path = try await server.makeDirectory()
        try await WindowPeer.with(.curator, server.connectString) { curator in
            try await curator.hold("a", "lock", at: path)
            try await curator.wait("b", "lock", at: path)
            try await expect(
                path,
                [("\(path)  Curator mutex: 1 holds, 1 waits", []), ("  holds ", ["Curator "]), ("  waits for 1 ", [])])
            try await curator.do("a", "release", expecting: "released")
            try await expect(path, [("\(path)  Curator mutex: 1 holds", []), ("  holds ", [])])
            _ = try await curator.line("b acquired")
            try await curator.do("b", "release", expecting: "released")
            try await expect(path, [("\(path)  free", [])])
        }
    }

    @Test(.needs(.curator)) func curatorsReadersAndWriters() async throws {
        let path = try await server.makeDirectory()
        try await WindowPeer.with(.curator, server.connectString) { curator in
            try await curator.hold("a", "read", at: path)
            try await curator.hold("b", "read", at: path)
            try await curator.wait("w", "write", at: path)
            try await expect(
                path,
                [
                    ("\(path)  Curator read/write lock: 2 hold, 1 waits", []), ("  holds ", ["shared"]),
                    ("  holds ", ["shared"]), ("  waits for 2 ", ["exclusive"]),
                ])
        }
    }

    @Test(.needs(.curator)) func curatorsLatch() async throws {
        let path = try await server.makeDirectory()
        try await WindowPeer.with(.curator, server.connectString) { curator in
            try await curator.hold("a", "latch", at: path)
            try await curator.wait("b", "latch", at: path)
            try await expect(
                path,
                [
                    ("\(path)  Curator leader latch: 1 holds, 1 waits", []), ("  holds ", ["a "]),
                    ("  waits for 1 ", ["b "]),
                ])
            let refused = try await zklock("revoke", "--connect", server.connectString, path.string)
            #expect(refused.status == 1)
            #expect(refused.lines.first?.contains("must not be written to") == true)
            try await curator.do("a", "work", expecting: "working")
        }
    }

    @Test(.needs(.kazoo)) func kazoosLocks() async throws {
        let path = try await server.makeDirectory()
        try await WindowPeer.with(.kazoo, server.connectString) { kazoo in
            try await kazoo.hold("a", "kazoo-read", at: path)
            try await kazoo.wait("b", "kazoo-write", at: path)
            try await expect(
                path,
                [
                    ("\(path)  kazoo lock: 1 holds, 1 waits", []), ("  holds ", ["a ", "shared", "kazoo"]),
                    ("  waits for 1 ", ["b ", "exclusive", "kazoo"]),
                ])
            let refused = try await zklock("revoke", "--connect", server.connectString, path.string)
            #expect(refused.status == 1)
            #expect(refused.lines.first?.contains("a, ") == true)
            #expect(refused.lines.first?.contains("kazoo does not look at its node again") == true)
        }
    }

    @Test(.needs(.go)) func gosLockBesideOurs() async throws {
        let path = try await server.makeDirectory()
        try await WindowPeer.with(.go, server.connectString) { go in
            try await go.hold("a", "lock", at: path)
            try await server.withClient(in: .root) { client in
                let position = QueuePosition()
                async let ours: Void = ZooKeeperLock(client, at: path).withLock(position: position) { _ in }
                _ = await position.enqueued()
                try await expect(
                    path,
                    [
                        ("\(path)  Curator mutex, with go-zookeeper: 1 holds, 1 waits", []),
                        ("  holds ", ["(no id)", "go-zookeeper"]), ("  waits for 1 ", ["Curator "]),
                    ])
                let refused = try await zklock("revoke", "--connect", server.connectString, path.string)
                #expect(refused.status == 1)
                #expect(refused.lines.first?.contains("go-zookeeper does not look at its node again") == true)
                try await go.do("a", "release", expecting: "released")
                try await ours
            }
        }
    }

    @Test(.needs(.curator), .needs(.kazoo), .needs(.go)) func allInOneDirectory() async throws {
        let path = try await server.makeDirectory()
        let connect = server.connectString
        try await WindowPeer.with(.curator, connect) { curator in
            try await WindowPeer.with(.kazoo, connect) { kazoo in
                try await WindowPeer.with(.go, connect) { go in
                    try await curator.hold("a", "lock", at: path)
                    try await kazoo.hold("k", "kazoo-lock", at: path)
                    try await curator.wait("b", "lock", at: path)
                    try await expect(path, Self.withoutGo(path))
                    // go-zookeeper fails where a child has another form of name, so it joins another queue.
                    let mutex = path.child("mutex")
                    try await curator.hold("c", "lock", at: mutex)
                    try await go.wait("g", "lock", at: mutex)
                    try await expect(
                        mutex,
                        [
                            ("\(mutex)  Curator mutex, with go-zookeeper: 1 holds, 1 waits", []),
                            ("  holds ", ["Curator "]),
                            ("  waits for 1 ", ["go-zookeeper"]),
                        ])
                    let all = try await zklock("ls", "--connect", connect, "--stuck-after", "1h")
                    #expect(all.status == 1)
                    #expect(all.lines.contains { $0.hasPrefix("\(path)        Curator mutex: 1 holds, 1 waits; ") })
                    #expect(all.lines.contains { $0.hasPrefix("  mixed: Curator mutex, kazoo lock in one directory") })
                    #expect(all.lines.contains { $0.hasPrefix("\(mutex) ") })
                }
            }
        }
    }

    private static func withoutGo(_ path: ZNodePath) -> [(start: String, words: [String])] {
        [
            ("\(path)  Curator mutex: 1 holds, 1 waits; kazoo lock: 1 holds", []),
            ("  Curator mutex", []), ("  holds ", ["Curator "]), ("  waits for 1 ", ["Curator "]),
            ("  kazoo lock", []), ("  holds ", ["k ", "kazoo "]),
            ("  mixed: Curator mutex, kazoo lock in one directory do not exclude each other", []),
        ]
    }

    @Test(.needs(.curator)) func curatorHearsTheRequest() async throws {
        let path = try await server.makeDirectory()
        try await WindowPeer.with(.curator, server.connectString) { curator in
            try await curator.hold("a", "revocable", at: path)
            let asked = try await zklock("revoke", "--connect", server.connectString, path.string)
            #expect(asked.status == 0, "\(asked.lines)")
            #expect(asked.lines.first?.hasPrefix("asked to release \(path): ") == true)
            _ = try await curator.line("a revocation")
            try await expect(path, [("\(path)  ", []), ("  holds ", ["(asked to release)"])])
        }
    }
}
