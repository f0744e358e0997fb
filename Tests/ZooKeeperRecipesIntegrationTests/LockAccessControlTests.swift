// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Users against each other: to delete a lock's node is a right on its directory, which has the access control of the lock.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct LockAccessControlTests {
    enum Recipe: CaseIterable, Sendable {
        case lock
        case readLock
        case writeLock
        case election

        func acquire(
            _ client: ZooKeeperClient, at path: ZNodePath, _ accessControl: AccessControl,
            directory: AccessControl? = nil, ancestors: AccessControl = .open
        ) async throws -> HeldLock {
            func configured<Dialect>(_ dialect: Dialect.Type) -> RecipeConfiguration<Dialect> {
                var configuration = RecipeConfiguration<Dialect>()
                configuration.accessControl = accessControl
                configuration.directoryAccessControl = directory
                configuration.ancestorAccessControl = ancestors
                return configuration
            }
            switch self {
            case .lock:
                return try await ZooKeeperLock(client, at: path, configuration: configured(LockDialect.self)).acquire()
            case .readLock, .writeLock:
                let lock = ZooKeeperReadWriteLock(
                    client, at: path, configuration: configured(ReadWriteLockDialect.self))
                return try await self == .readLock ? lock.acquireReadLock() : lock.acquireWriteLock()
            case .election:
                return try await ZooKeeperElection(client, at: path, configuration: configured(ElectionDialect.self))
                    .acquireLeadership()
            }
        }
    }

    private func withUsers(
        _ body: (_ alice: ZooKeeperClient, _ bob: ZooKeeperClient, _ stranger: ZooKeeperClient) async throws -> Void
    ) async throws {
        try await ServerKind.real.withClients(3) { clients in
            try await clients[0].authenticate(.digest(user: "alice", password: "wonderland"))
            try await clients[1].authenticate(.digest(user: "bob", password: "sesame"))
            try await body(clients[0], clients[1], clients[2])
        }
    }

    @Test(arguments: Recipe.allCases) func onlyItsOwnUserTouchesALock(_ recipe: Recipe) async throws {
        try await withUsers { alice, bob, stranger in
            let held = try await recipe.acquire(alice, at: "/locks/deep/a", .creatorAll)
            for other in [bob, stranger] {
                await expectFailure(.noAuth) { try await other.delete(held.lease.nodePath) }
                await expectFailure(.noAuth) { try await other.set(held.lease.nodePath, to: [1]) }
                await expectFailure(.noAuth) { try await other.children(of: "/locks/deep/a") }
                let failure = await expectFailure(.noAuth) {
                    try await recipe.acquire(other, at: "/locks/deep/a", .open)
                }
                let error = try #require(failure)
                #expect(LockError.Code.unavailable ~= error)
                #expect("\(error)".contains("CREATE"), "it says what is missing")
            }
            try held.lease.checkHeld()
            try await held.release()
            // A second user's own lock beside it.
            try await recipe.acquire(bob, at: "/locks/deep/b", .creatorAll).release()
            try await recipe.acquire(bob, at: "/locks/other", .creatorAll).release()
            try await recipe.acquire(alice, at: "/locks/deep/a", .creatorAll).release()
        }
    }

    @Test(arguments: Recipe.allCases) func aGroupSharesALock(_ recipe: Recipe) async throws {
        let group = AccessControl.all(
            for: [.digest(user: "alice", password: "wonderland"), .digest(user: "bob", password: "sesame")],
            anyoneReads: true)
        try await withUsers { alice, bob, stranger in
            let held = try await recipe.acquire(alice, at: "/shared", group)
            let waiting = Task { try await recipe.acquire(bob, at: "/shared", group) }
            try await stranger.waitForQueue(at: "/shared", of: 2)
            await expectFailure(.noAuth) { try await stranger.delete(held.lease.nodePath) }
            await expectFailure(.noAuth) { try await recipe.acquire(stranger, at: "/shared", group) }
            #expect(try await stranger.get(held.lease.nodePath).data == Array(ProcessIdentity.description.utf8))
            try await held.release()
            try await waiting.value.release()
        }
    }

    @Test func directoriesAndAncestorsHaveTheirOwn() async throws {
        try await withUsers { alice, bob, _ in
            let hers = AccessControl.all(
                for: [.digest(user: "alice", password: "wonderland")], anyoneReads: true)
            try await Recipe.lock.acquire(
                alice, at: "/x/y/z", .creatorAllAnyoneReads, directory: .open, ancestors: hers
            ).release()
            #expect(try await alice.accessControl(of: "/x").accessControl == hers)
            #expect(try await alice.accessControl(of: "/x/y").accessControl == hers)
            #expect(try await bob.accessControl(of: "/x/y/z").accessControl == .open)
            // What is there keeps what it has.
            try await Recipe.lock.acquire(alice, at: "/x/y/z", .creatorAll, directory: .creatorAll).release()
            #expect(try await bob.accessControl(of: "/x/y/z").accessControl == .open)
        }
    }

    /// Not even the one that creates it: the directory would stay, and nobody could use it.
    @Test(arguments: Recipe.allCases) func aDirectoryThatNobodyCouldJoinIsNotCreated(_ recipe: Recipe) async throws {
        try await ServerKind.real.withClients(1) { clients in
            let client = clients[0]
            let failure = await expectFailure(.invalidArgument) {
                try await recipe.acquire(client, at: "/locks/a", .readOnly)
            }
            #expect(LockError.Code.unavailable ~= (try #require(failure)))
            #expect("\(String(describing: failure))".contains("directoryAccessControl"))
            #expect(try await client.exists("/locks") == nil)
            // With one of its own, or in one that is there, it may.
            try await recipe.acquire(client, at: "/locks/a", .readOnly, directory: .open).release()
            try await recipe.acquire(client, at: "/locks/a", .readOnly).release()
        }
    }

    @Test func aDigestIsWhatTheServersKnow() async throws {
        // By `DigestAuthenticationProvider`.
        #expect(
            AccessControl.Identity.digest(user: "super", password: "test")
                == .digest(user: "super", hash: "D/InIHSb7yEEbrWz8b9l71RjZJU="))
        try await withUsers { alice, bob, _ in
            let wonderland = AccessControl.Identity.digest(user: "alice", password: "wonderland")
            try await bob.create("/hers", accessControl: .all(for: [wonderland]))
            #expect(try await alice.get("/hers").data == [])
            await expectFailure(.noAuth) { try await bob.get("/hers") }
        }
    }
}
