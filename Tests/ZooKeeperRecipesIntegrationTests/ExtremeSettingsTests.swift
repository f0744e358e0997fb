// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Settings at the end of their range whose effect depends on a real server and the C client; others are tried in
/// memory.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct ExtremeSettingsTests {
    @Test(arguments: [Duration.milliseconds(1), .milliseconds(Int64(Int32.max))])
    func anySessionTimeoutIsNegotiated(_ timeout: Duration) async throws {
        let server = try ZooKeeperServer.required
        var configuration = try server.configuration
        configuration.chroot = try await server.makeDirectory()
        configuration.sessionTimeout = timeout
        try await ZooKeeperClient.withClient(configuration) { client in
            let session = try await client.withSession { $0 }
            #expect(session.timeout != timeout)
            try await ZooKeeperLock(client, at: "/a/b").withLock { try $0.checkHeld() }
            #expect(session.generation == 1)
        }
    }

    @Test func everythingMayBeAtItsLongest() async throws {
        let longest = Duration.seconds(Int64.max)
        let server = try ZooKeeperServer.required
        var configuration = try server.configuration
        configuration.chroot = try await server.makeDirectory()
        configuration.connectTimeout = longest
        configuration.requestTimeout = longest
        configuration.leaseMargin = longest
        configuration.abandonAfter = longest
        configuration.closeTimeout = longest
        configuration.reconnectBackoff = Backoff(initial: longest, maximum: longest)
        configuration.maximumRequestsUnderWay = 1
        try await ZooKeeperClient.withClient(configuration) { client in
            let lock = ZooKeeperLock(client, at: "/a/b")
            try await lock.withLock(waitingUpTo: longest) { lease in
                try lease.checkHeld()
                try await lease.verify()
            }
        }
    }
}
