// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// A session that its client has given up, and that the servers have kept: it is closed before the next one is used, so that
/// nobody waits behind its nodes.
@Suite(.timeLimit(.minutes(3))) struct FarewellTests {
    @Test func theOldSessionIsClosedFirst() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                var configuration = try relay.configuration
                // Long for the servers, short for the client.
                configuration.sessionTimeout = .seconds(20)
                configuration.connectTimeout = .seconds(2)
                try await ZooKeeperClient.withClient(configuration) { client in
                    try await client.create("/e", mode: .ephemeral)
                    let old = try await client.withSession { $0 }
                    // As after a silence of more than twice the time-out, over which the servers have begun anew to count.
                    try await relay.whileRefusing {
                        try await eventually("the connection is lost") { !old.isUp }
                        old.giveUp()
                        try await eventually("it is given up") { old.state == .lost(.abandoned) }
                    }
                    let stat = try await client.exists("/e")
                    #expect(stat == nil, "gone with its session, long before the time-out")
                    let next = try await client.withSession { $0 }
                    #expect(next.id != old.id)
                }
            }
        }
    }
}
