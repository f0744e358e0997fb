// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// Numbers at which the C client closes connections, loops or loses answers.
@Suite(.timeLimit(.minutes(5))) struct LoadTests {
    /// More than 65,536 requests at once fill the C client's wake-up pipe, and it closes the connection.
    @Test func aBurstOfCallsIsAnsweredOverOneConnection() async throws {
        let count = 300_000
        try await ZooKeeperServer.withServer { server in
            var configuration = try server.configuration
            configuration.sessionTimeout = .seconds(60)
            configuration.requestTimeout = .seconds(300)
            let calls = TrackedCalls()
            try await ZooKeeperClient.withClient(configuration) { client in
                let session = try await client.withSession { $0 }
                calls.issue(count, in: session) { _ in Exists("/").makeRequest() }
                try await eventually("answered", within: .seconds(240)) { calls.answered == count }
                #expect(calls.results == ["success": count])
                #expect(session.connection == 1)
            }
            try await eventually("let go") { calls.alive == 0 }
            #expect(calls.answeredTwice == 0)
        }
    }

    /// All watches are set again by one packet after a reconnect; with a context for each, the C client would need
    /// seconds.
    @Test func twentyThousandWatchesOutliveAReconnect() async throws {
        let count = 20_000
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                var configuration = try relay.configuration
                configuration.sessionTimeout = .seconds(60)
                try await ZooKeeperClient.withClient(configuration) { client in
                    let session = try await client.withSession { $0 }
                    try await client.create("/w")
                    let fired = Shared(0)
                    let watches = (0..<count).map { _ in Watch { _ in fired.withLock { $0 += 1 } } }
                    let pendingRequests = watches.enumerated().map { index, watch in
                        session.submit(Request(ZNodePath(unchecked: "/w/\(index)"), .exists, watch: watch))
                    }
                    for pending in pendingRequests { _ = await pending.answer() }
                    #expect(try await server.watchCount() == count)
                    relay.cut()
                    try await eventually("connected again") { relay.traffic.connections == 2 }
                    try await eventually("all are set again") { try await server.watchCount() == count }
                    #expect(fired.value == 0)
                    for index in [0, 1, count / 2, count - 1] { try await client.create(ZNodePath("/w/\(index)")) }
                    try await eventually("four have fired") { fired.value == 4 }
                    withExtendedLifetime(watches) {}
                }
                #expect(relay.traffic.connections == 2)
            }
        }
    }

    @Test func thirtyThousandChildrenAreListed() async throws {
        let count = 30_000
        try await ZooKeeperServer.withServer { server in
            var configuration = try server.configuration
            configuration.sessionTimeout = .seconds(60)
            try await ZooKeeperClient.withClient(configuration) { client in
                try await client.create("/many")
                for start in stride(from: 0, to: count, by: 1_000) {
                    // Names as long as a lock's: the answer is longer than any request may be.
                    let creates = try (start..<start + 1_000).map { index in
                        Create(try ZNodePath("/many/a-name-of-about-forty-five-bytes-in-all-\(index)"))
                    }
                    try await client.transaction(creates)
                }
                let children = try await client.children(of: "/many")
                #expect(children.names.count == count)
                #expect(Set(children.names).count == count)
                #expect(Int(children.stat.numChildren) == count)
            }
        }
    }

    @Test func sixtyFourSessionsLiveInOneProcess() async throws {
        try await ZooKeeperServer.withServer { server in
            let configuration = try server.configuration
            try await server.withClient(in: .root) { beside in
                try await beside.create("/all")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for index in 0..<64 {
                        group.addTask {
                            try await ZooKeeperClient.withClient(configuration) { client in
                                try await client.create(ZNodePath("/all/\(index)"), mode: .ephemeral)
                                // Until all are there at once.
                                try await eventually("all") {
                                    if try await client.exists("/done") != nil { return true }
                                    return try await client.children(of: "/all").names.count == 64
                                }
                                _ = try? await client.create("/done")
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                let names = try await beside.children(of: "/all").names
                #expect(names == [])
            }
        }
    }
}
