// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct RelayTests {
    private func withRelay(_ body: (ZooKeeperClient, ZooKeeperRelay) async throws -> Void) async throws {
        try await ZooKeeperServer.required.withRelayedClient(body)
    }

    @Test func countsRequestsByTypeAndErrorsAndEvents() async throws {
        try await withRelay { client, relay in
            let before = relay.traffic
            try await client.create("/a")
            try await client.create("/c", mode: .container)
            let watch = try await client.getWatched("/a").watch
            try await client.set("/a", to: [1])
            _ = try await watch.event()
            _ = try await client.children(of: "/")
            _ = try await client.transaction(Check("/a"), Delete("/c"))
            await expectFailure(.noNode) { try await client.get("/x") }
            try await client.sync()
            _ = try await client.accessControl(of: "/a")
            try await client.setAccessControl(of: "/a", to: .open)
            try await client.delete("/a")
            let traffic = relay.traffic - before
            #expect(
                traffic.requests == [
                    .create2: 1, .createContainer: 1, .getData: 2, .setData: 1, .getChildren2: 1, .multi: 1, .sync: 1,
                    .getACL: 1, .setACL: 1, .delete: 1,
                ])
            #expect(traffic.roundTrips == 11)
            #expect(traffic.replies == 11)
            #expect(traffic.errorReplies == 1)
            #expect(traffic.watchEvents == 1)
            #expect(traffic.writeCount == 6)
            #expect(traffic.connections == 0)
            #expect(traffic.bytesSent > 0 && traffic.bytesReceived > 0)
        }
    }

    @Test func requestsForSomePathsAreCountedApart() async throws {
        try await withRelay { client, relay in
            try await client.create("/apart")
            relay.countApart(["/apart", "/none"])
            let before = relay.traffic
            try await client.create("/a")
            try await client.create("/apart/a")
            _ = try await client.transaction(Check("/a"), SetData("/apart", to: []))
            _ = try await client.get("/apart")
            _ = try await client.get("/a")
            #expect(relay.requestsApart == [.create2: 1, .multi: 1, .getData: 1])
            #expect((relay.traffic - before).requests == [.create2: 2, .multi: 1, .getData: 2])
        }
    }

    @Test func requestsSentTogetherAreOneRoundTrip() async throws {
        try await withRelay { client, relay in
            let before = relay.traffic
            relay.expectPipelines([4])
            _ = await client.pipeline(Create("/a"), GetData("/a"), GetChildren("/"), Delete("/a"))
            #expect((relay.traffic - before).roundTrips == 1)
            #expect((relay.traffic - before).requestCount == 4)
        }
    }

    /// A second request is in the same round trip as long as the client has not been given the answer to the first.
    @Test func anAnswerHeldBackEndsNoRoundTrip() async throws {
        try await withRelay { client, relay in
            let before = relay.traffic
            relay.expectPipelines([2, 1])
            async let first = client.exists("/a")
            try await eventually("answered by the server") { (relay.traffic - before).replies == 1 }
            async let second = client.exists("/b")
            _ = try await (first, second)
            #expect((relay.traffic - before).roundTrips == 1)
            _ = try await client.exists("/c")
            #expect((relay.traffic - before).roundTrips == 2)
        }
    }

    @Test func largeMessagesPass() async throws {
        try await withRelay { client, relay in
            let bytes = [UInt8](repeating: 9, count: 1_000_000)
            let before = relay.traffic
            try await client.create("/a", data: bytes)
            let data = try await client.get("/a").data
            #expect(data == bytes)
            #expect((relay.traffic - before).bytesSent > 1_000_000)
            #expect((relay.traffic - before).bytesReceived > 1_000_000)
        }
    }

    @Test func aLostAnswerIsTheAnswerToThatRequest() async throws {
        try await withRelay { client, relay in
            relay.inject(RelayFault(.cut, at: .reply(to: .setData)))
            try await client.create("/a")
            await expectFailure(.connectionLoss) { try await client.set("/a", to: [1]) }
            let node = try await client.get("/a")
            #expect(node.data == [1], "executed all the same")
            try await client.set("/a", to: [2])
            #expect(relay.traffic.connections == 2)
        }
    }

    @Test func refusingEndsWithItsScope() async throws {
        try await withRelay { client, relay in
            let session = try await client.withSession { $0 }
            try await relay.whileRefusing {
                try await eventually("disconnected") { !session.isConnected }
            }
            let stat = try await client.exists("/")
            #expect(stat != nil)
            #expect(session.state == client.sessionState)
        }
    }

    @Test func aServerThatIsAwayEndsTheConnection() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                try await ZooKeeperClient.withClient(relay.configuration) { client in
                    let session = try await client.withSession { $0 }
                    await server.kill()
                    try await eventually("disconnected") { !session.isConnected }
                    try await server.restart()
                    let stat = try await client.exists("/")
                    #expect(stat != nil)
                }
            }
        }
    }
}
