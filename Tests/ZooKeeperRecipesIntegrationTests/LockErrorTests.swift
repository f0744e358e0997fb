// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Errors of locks that a user may cause: permissions, access control, chroots, clients that do not run.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct LockErrorTests {
    @Test func noPermissionIsSaid() async throws {
        try await ServerKind.real.withClients { clients in
            let (first, second) = (clients[0], clients[1])
            try await second.authenticate(.digest(user: "bob", password: "sesame"))
            try await second.create("/bobs", accessControl: .creatorAll)
            await expectFailure(.noAuth) { try await ZooKeeperLock(first, at: "/bobs").withLock { _ in } }
            await expectFailure(.noAuth) { try await ZooKeeperLock(first, at: "/bobs/deep/er").withLock { _ in } }
            await expectFailure(.noAuth) { try await ZooKeeperLock(first, at: "/bobs").withLockIfAvailable { _ in } }
            try await ZooKeeperLock(second, at: "/bobs").withLock { _ in }
            // Readable, but not to be written to.
            try await second.create(
                "/readable", accessControl: AccessControl([.init(.all, for: .creator), .init(.read, for: .anyone)]))
            await expectFailure(.noAuth) { try await ZooKeeperLock(first, at: "/readable").withLock { _ in } }
        }
    }

    @Test func aBadAccessControlIsSaid() async throws {
        try await ZooKeeperServer.required.withClient { client in
            var configuration = ZooKeeperLock.Configuration()
            configuration.accessControl = AccessControl([])
            let lock = ZooKeeperLock(client, at: "/a", configuration: configuration)
            await expectFailure(.invalidACL) { try await lock.withLock { _ in } }
        }
    }

    @Test func aChrootThatIsNotThereIsSaidAndNotCreated() async throws {
        let server = try ZooKeeperServer.required
        var configuration = try server.configuration
        configuration.chroot = "/not/there"
        try await ZooKeeperClient.withClient(configuration) { client in
            await expectFailure(.chrootNotFound) { try await ZooKeeperLock(client, at: "/a").withLock { _ in } }
        }
        try await ZooKeeperClient.withClient(server.configuration) { client in
            let stat = try await client.exists("/not")
            #expect(stat == nil)
        }
    }

    @Test func aClientThatDoesNotRunIsSaid() async throws {
        var configuration = try ZooKeeperServer.required.configuration
        configuration.connectTimeout = .milliseconds(100)
        let idle = try ZooKeeperClient(configuration)
        await expectFailure(.notRunning) { try await ZooKeeperLock(idle, at: "/a").withLock { _ in } }
        let closed = try await ZooKeeperClient.withClient(configuration) { client in
            _ = try await client.exists("/")
            return client
        }
        await expectFailure(.closed) { try await ZooKeeperLock(closed, at: "/a").withLock { _ in } }
        await expectFailure(.closed) { try await ZooKeeperLock(closed, at: "/a").withLockIfAvailable { _ in } }
    }
}
