// SPDX-License-Identifier: Apache-2.0

import InMemoryLogging
import Logging
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Bad input of recipes: input that they refuse, and directories and ids that they must tolerate.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct RecipeBadInputTests {
    /// Kazoo's names beside Curator's do not exclude our clients, and a log line says so.
    @Test func twoNamingSchemesOnOnePathAreNoticedOnce() async throws {
        let server = try ZooKeeperServer.required
        var configuration = try server.configuration
        configuration.chroot = try await server.makeDirectory()
        let handler = InMemoryLogHandler()
        let logger = Logger(label: "test") { _ in handler }
        try await ZooKeeperClient.withClient(configuration, logger: logger) { client in
            let path = try ZNodePath("/mixed-\(GUIDSource().next())")
            var settings = ZooKeeperLock.Configuration()
            settings.dialect = .kazoo
            let theirs = try await ZooKeeperLock(client, at: path, configuration: settings).acquire()
            var ours = ZooKeeperLock.Configuration()
            ours.mixedKinds = .ignore
            let lock = ZooKeeperLock(client, at: path, configuration: ours)
            for _ in 0..<3 { try await lock.withLock { _ in } }
            func lines() -> [InMemoryLogHandler.Entry] {
                handler.entries.filter { $0.message.description.contains("another kind of lock") }
            }
            try await eventually("it is said") { !lines().isEmpty }
            let lines = lines()
            #expect(lines.count == 1)
            #expect(lines.first?.level == .warning)
            #expect(lines.first?.metadata["zookeeper.lock.foreignNode"] == "\(theirs.lease.nodePath.name)")
            // A wait that times out has it in its error.
            try await lock.withLock { _ in
                let error = try await errorOfTimedOutWait { limit in
                    try await Task.detached { try await lock.withLock(waitingUpTo: limit) { _ in } }.value
                }
                #expect(error.foreignNode == theirs.lease.nodePath.name)
                #expect("\(error)".contains("another kind of lock"))
            }
            // A lock that recognises them does not warn, and waits.
            settings.dialect = .curator.alsoRecognising(.kazoo)
            let both = ZooKeeperLock(client, at: path, configuration: settings)
            let taken = try await both.withLockIfAvailable { _ in 1 }
            #expect(taken == nil)
            try await theirs.release()
        }
    }

    @Test func aPathThatHoldsSomethingElseIsALockAllTheSame() async throws {
        try await ZooKeeperServer.required.withClient { client in
            try await client.create("/a", data: "something else".utf8)
            try await client.create("/a/child")
            try await ZooKeeperLock(client, at: "/a").withLock { _ in }
            let node = try await client.get("/a")
            #expect(node.data == Array("something else".utf8) && node.stat.version == 0)
        }
    }

    @Test func anEphemeralParentIsTheReason() async throws {
        try await ZooKeeperServer.required.withClient { client in
            try await client.create("/a", mode: .ephemeral)
            for path: ZNodePath in ["/a", "/a/b"] {
                let lock = ZooKeeperLock(client, at: path)
                await #expect { try await lock.withLock { _ in } } throws: { error in
                    LockError.Code.unavailable ~= error && ZooKeeperError.Code.noChildrenForEphemerals ~= error
                }
            }
        }
    }

    @Test func anIDMayBeEmpty() async throws {
        try await ZooKeeperServer.required.withClient { client in
            var settings = ZooKeeperLock.Configuration()
            settings.id = ""
            let anonymous = ZooKeeperLock(client, at: "/a", configuration: settings)
            let ids = try await anonymous.withLock { _ in try await anonymous.participants().map(\.id) }
            #expect(ids == [""])
        }
    }

    @Test func anIDThatIsTooLongIsRefused() async throws {
        try await ZooKeeperServer.required.withClient { client in
            try await client.create("/a")
            var settings = ZooKeeperLock.Configuration()
            settings.id = String(repeating: "x", count: 2 << 20)
            let endless = ZooKeeperLock(client, at: "/a", configuration: settings)
            await #expect { try await endless.withLock { _ in } } throws: { error in
                LockError.Code.unavailable ~= error && ZooKeeperError.Code.requestTooLarge ~= error
            }
            let election = ZooKeeperElection(client, at: "/e", configuration: .init(id: settings.id))
            await #expect { try await election.withLeadership { _ in } } throws: {
                ZooKeeperError.Code.requestTooLarge ~= $0
            }
            let names = try await client.children(of: "/a").names
            #expect(names.isEmpty)
        }
    }
}
