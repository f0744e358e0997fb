// SPDX-License-Identifier: Apache-2.0

#if ServiceLifecycle
import ServiceLifecycle
import ServiceLifecycleTestKit
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// The client as a service of swift-service-lifecycle.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct ServiceTests {
    @Test func aGracefulShutdownClosesTheSession() async throws {
        let server = try ZooKeeperServer.required
        let client = try ZooKeeperClient(server.configuration)
        try await testGracefulShutdown { trigger in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await client.run() }
                try await client.create("/service", mode: .ephemeral)
                trigger.triggerGracefulShutdown()
                try await group.waitForAll()
            }
        }
        #expect(client.sessionState == .closed)
        try await ZooKeeperClient.withClient(server.configuration) { other in
            let stat = try await other.exists("/service")
            #expect(stat == nil, "gone at once, not when the session times out")
        }
    }

    @Test func itRunsInAGroupWithItsUsers() async throws {
        struct User: Service {
            let client: ZooKeeperClient
            let done: Promise<Void>

            func run() async throws {
                try await client.create("/user", mode: .ephemeral)
                done.fulfil(())
                try await gracefulShutdown()
                // The client is shut down after those that use it.
                try await client.delete("/user")
            }
        }
        let client = try ZooKeeperClient(ZooKeeperServer.required.configuration)
        let done = Promise<Void>()
        let group = ServiceGroup(
            services: [client, User(client: client, done: done)], logger: client.logger)
        async let running: Void = group.run()
        await done.wait()
        await group.triggerGracefulShutdown()
        try await running
        #expect(client.sessionState == .closed)
    }
}
#endif
