// SPDX-License-Identifier: Apache-2.0

import InMemoryLogging
import Logging
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Two kinds of lock at one path: they would not exclude each other, so the later one is refused.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct MixedKindsTests {
    /// A kind of lock.
    enum Kind: CaseIterable, Sendable {
        case mutex
        case readWriteLock
        case latch
        case kazoo

        func acquire(_ client: ZooKeeperClient, _ policy: MixedKindsPolicy = .refuse) async throws -> HeldLock {
            switch self {
            case .mutex:
                var configuration = ZooKeeperLock.Configuration()
                configuration.mixedKinds = policy
                return try await ZooKeeperLock(client, at: "/a", configuration: configuration).acquire()
            case .readWriteLock:
                var configuration = ZooKeeperReadWriteLock.Configuration()
                configuration.mixedKinds = policy
                return try await ZooKeeperReadWriteLock(client, at: "/a", configuration: configuration)
                    .acquireReadLock()
            case .latch:
                var configuration = ZooKeeperElection.Configuration()
                configuration.mixedKinds = policy
                return try await ZooKeeperElection(client, at: "/a", configuration: configuration).acquireLeadership()
            case .kazoo:
                var configuration = ZooKeeperLock.Configuration(dialect: .kazoo)
                configuration.mixedKinds = policy
                return try await ZooKeeperLock(client, at: "/a", configuration: configuration).acquire()
            }
        }

        func acquireIfAvailable(_ client: ZooKeeperClient) async throws -> HeldLock? {
            switch self {
            case .mutex: try await ZooKeeperLock(client, at: "/a").acquireIfAvailable()
            case .readWriteLock: try await ZooKeeperReadWriteLock(client, at: "/a").acquireWriteLockIfAvailable()
            case .latch: try await ZooKeeperElection(client, at: "/a").acquireLeadershipIfAvailable()
            case .kazoo:
                try await ZooKeeperLock(client, at: "/a", configuration: .init(dialect: .kazoo)).acquireIfAvailable()
            }
        }
    }

    @Test(arguments: Kind.allCases, Kind.allCases)
    func theLaterKindIsRefused(_ first: Kind, _ second: Kind) async throws {
        if first == second { return }
        try await ServerKind.real.withClients { clients in
            let held = try await first.acquire(clients[0])
            let error = await #expect(throws: LockError.self) { try await second.acquire(clients[1]) }
            #expect(error?.code == .mixedKinds)
            #expect(error?.foreignNode == held.lease.nodePath.name)
            #expect(error?.description.contains(held.lease.nodePath.name) == true)
            try await eventually("nothing of it is left") {
                try await clients[0].children(of: "/a").names == [held.lease.nodePath.name]
            }
            // Nor is it "taken": trying again would not help.
            let attempt = await #expect(throws: LockError.self) { try await second.acquireIfAvailable(clients[1]) }
            #expect(attempt?.code == .mixedKinds)
            #expect(attempt?.foreignNode == held.lease.nodePath.name)
            // Where it is wanted, both hold.
            let both = try await second.acquire(clients[1], .ignore)
            try both.lease.checkHeld()
            try await both.release()
            try await held.release()
            try await second.acquire(clients[1]).release()
        }
    }

    /// It is nobody's, and would keep everybody out for ever.
    @Test func aNodeWithoutASessionIsWarnedAbout() async throws {
        let server = try ZooKeeperServer.required
        var configuration = try server.configuration
        configuration.chroot = try await server.makeDirectory()
        let log = InMemoryLogHandler()
        try await ZooKeeperClient.withClient(configuration, logger: Logger(label: "test") { _ in log }) { client in
            let path = try ZNodePath("/left-\(GUIDSource().next())")
            try await client.create(path)
            let leftover = try path.appending("_c_\(GUIDSource().next())-latch-0000000007")
            try await client.create(leftover)
            try await ZooKeeperLock(client, at: path).withLock { _ in }
            try await eventually("it is said") {
                log.entries.contains {
                    $0.level == .warning && $0.metadata["zookeeper.lock.foreignNode"] == "\(leftover.name)"
                }
            }
        }
    }

    /// A live node of another kind, which this client may not read: servers of version 3.9.3 do not say whose it is.
    @Test func aKindThatMayNotBeReadIsRefused() async throws {
        let server = try ZooKeeperServer.required
        var configuration = try server.configuration
        configuration.chroot = try await server.makeDirectory()
        try await ZooKeeperClient.withClient(configuration) { client in
            try await refusesWhatItMayNotRead(client, mode: .ephemeral)
        }
        let zooKeeper = InMemoryZooKeeper()
        zooKeeper.requireReadForExists()
        try await zooKeeper.withClient { client in
            try await refusesWhatItMayNotRead(client, mode: .ephemeral)
            // Whose it is cannot be found out.
            try await client.delete(ZNodePath("/a/\(Self.unreadable)"))
            try await refusesWhatItMayNotRead(client, mode: .persistent)
        }
    }

    private static let unreadable = "_c_3f2504e0-4f89-41d3-9a0c-0305e82c3301-latch-0000000007"

    private func refusesWhatItMayNotRead(_ client: ZooKeeperClient, mode: CreateMode) async throws {
        try await client.createIfMissing("/a")
        let node = try ZNodePath("/a/\(Self.unreadable)")
        try await client.create(
            node, mode: mode, accessControl: .all(for: [.digest(user: "bob", password: "sesame")]))
        let error = await #expect(throws: LockError.self) { try await ZooKeeperLock(client, at: "/a").acquire() }
        #expect(error?.code == .mixedKinds)
        #expect(error?.foreignNode == node.name)
        try await eventually("nothing of it is left") { try await client.children(of: "/a").names == [node.name] }
    }

    /// What is only like a lock's node is not one.
    @Test func otherChildrenAreNoKind() async throws {
        try await ServerKind.real.withClients(1) { clients in
            try await clients[0].create("/a")
            for name in ["config", "lock-", "latch-x", "-lock-0000000001x"] {
                try await clients[0].create(ZNodePath("/a/\(name)"), mode: .ephemeral)
            }
            try await ZooKeeperLock(clients[0], at: "/a").withLock { _ in }
        }
    }

    /// The look costs nothing where there is nothing to see.
    @Test func itCostsNoRequest() async throws {
        try await ZooKeeperServer.required.withRelayedClient { client, relay in
            let lock = ZooKeeperLock(client, at: "/a")
            try await lock.withLock { _ in }
            let before = relay.traffic
            try await lock.withLock { _ in }
            #expect((relay.traffic - before).requests == [.create2: 1, .getChildren2: 1, .delete: 1])
        }
    }
}
