// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct ChrootTests {
    @Test func aChrootThatDoesNotExistIsSaidAndNotCreated() async throws {
        let server = try ZooKeeperServer.required
        var configuration = try server.configuration
        configuration.chroot = "/no/such/place"
        try await ZooKeeperClient.withClient(configuration) { client in
            let error = try #require(await expectFailure(.chrootNotFound) { try await client.create("/a") })
            #expect("\(error)".contains("/no/such/place"))
            await expectFailure(.chrootNotFound) { try await client.exists("/") }
            await expectFailure(.chrootNotFound) { try await client.transaction([Create("/a")]) }
            let (first, second) = await client.pipeline(Create("/a"), GetChildren("/"))
            await expectFailure(.chrootNotFound) { try first.get() }
            await expectFailure(.chrootNotFound) { try second.get() }
        }
        try await ZooKeeperClient.withClient(server.configuration) { client in
            let stat = try await client.exists("/no")
            #expect(stat == nil)
        }
    }

    /// The connection is lost before it is known whether there is a chroot: the next one tells.
    @Test func aFirstLookThatIsLostIsRepeated() async throws {
        let server = try ZooKeeperServer.required
        let directory = try await server.makeDirectory()
        for chroot in [directory, directory.child("missing")] {
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                relay.inject(RelayFault(.cut, at: .anyReply))
                var configuration = try relay.configuration
                configuration.chroot = chroot
                configuration.connectTimeout = .seconds(50)
                configuration.sessionTimeout = .seconds(30)
                try await ZooKeeperClient.withClient(configuration) { client in
                    if chroot == directory {
                        let stat = try await client.exists("/")
                        #expect(stat != nil)
                        #expect(try await client.withSession { $0.generation } == 1, "in the same session")
                    } else {
                        await expectFailure(.chrootNotFound) { try await client.exists("/") }
                    }
                }
                #expect(relay.pendingFaults == 0)
            }
        }
    }

    @Test func aChrootThatIsCreatedLaterIsFound() async throws {
        let server = try ZooKeeperServer.required
        var configuration = try server.configuration
        configuration.chroot = "/later"
        configuration.sessionTimeout = .seconds(1)
        try await ZooKeeperClient.withClient(configuration) { client in
            await expectFailure(.chrootNotFound) { try await client.exists("/") }
            try await ZooKeeperClient.withClient(server.configuration) { try await $0.create("/later") }
            try await eventually("the client finds it") {
                do { return try await client.exists("/") != nil } catch ZooKeeperError.Code.chrootNotFound {
                    return false
                }
            }
        }
    }
}
