// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// Each fault as it shows: to the client, to another client, and in the counts.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct RelayFaultTests {
    private func withRelay(
        _ body: (ZooKeeperClient, ZooKeeperRelay, _ beside: ZooKeeperClient) async throws -> Void
    ) async throws {
        try await ZooKeeperServer.required.withRelayedClient(sessionTimeout: .seconds(6)) { client, relay, beside in
            try await client.create("/a")
            try await body(client, relay, beside)
        }
    }

    @Test func aRequestThatIsCutOffWasNotExecuted() async throws {
        try await withRelay { client, relay, beside in
            relay.inject(RelayFault(.cut, at: .request(.setData)))
            await expectFailure(.connectionLoss, execution: .unknown) { try await client.set("/a", to: [1]) }
            let version = try await beside.get("/a").stat.version
            #expect(version == 0)
            #expect(relay.pendingFaults == 0)
            try await client.set("/a", to: [2])
        }
    }

    @Test func aReplyThatIsCutOffWasExecuted() async throws {
        try await withRelay { client, relay, beside in
            relay.inject(RelayFault(.cut, at: .reply(to: .setData)))
            await expectFailure(.connectionLoss, execution: .unknown) { try await client.set("/a", to: [1]) }
            let version = try await beside.get("/a").stat.version
            #expect(version == 1)
        }
    }

    @Test func theNthMessageIsTheNth() async throws {
        try await withRelay { client, relay, beside in
            relay.inject(RelayFault(.cut, at: .request(.setData), number: 3))
            try await client.set("/a", to: [1])
            try await client.set("/a", to: [2])
            await expectFailure(.connectionLoss) { try await client.set("/a", to: [3]) }
            let data = try await beside.get("/a").data
            #expect(data == [2])
        }
    }

    @Test func aLostRequestIsNoticedByTheNextReply() async throws {
        try await withRelay { client, relay, beside in
            relay.inject(RelayFault(.drop, at: .request(.setData)))
            // The C client matches replies by their order; the one behind does not fit, and all that is under way
            // fails.
            let session = try await client.withSession { $0 }
            let replies = session.submitPipeline([
                SetData("/a", to: [1]).makeRequest(), Delete("/missing").makeRequest(),
            ])
            for reply in replies {
                let outcome = await reply.answer()
                #expect(throws: ZooKeeperError.self) { try outcome.get() }
            }
            let version = try await beside.get("/a").stat.version
            #expect(version == 0)
            try await client.set("/a", to: [2])
        }
    }

    @Test func aLostReplyIsSilenceUntilTheClientGivesUp() async throws {
        try await withRelay { client, relay, beside in
            relay.inject(RelayFault(.drop, at: .reply(to: .delete)))
            let result = await Task { try await client.delete("/a") }.result
            #expect { try result.get() } throws: { ($0 as? ZooKeeperError)?.execution == .unknown }
            let stat = try await beside.exists("/a")
            #expect(stat == nil)
        }
    }

    @Test func aFreezeIsSilenceAndLosesNothing() async throws {
        try await withRelay { client, relay, beside in
            relay.freezeReplies()
            let set = Task { try await client.set("/a", to: [1]).version }
            try await eventually("the server has executed it") { try await beside.get("/a").data == [1] }
            relay.thaw()
            let version = try await set.value
            #expect(version == 1)

            relay.freezeRequests()
            let sent = relay.traffic.requests[.setData]
            let again = Task { try await client.set("/a", to: [2]).version }
            try await eventually("it is on its way") { relay.traffic.requests[.setData] != sent }
            let data = try await beside.get("/a").data
            #expect(data == [1])
            relay.thaw()
            let next = try await again.value
            #expect(next == 2)
        }
    }

    @Test func aFreezeAtAMessageStopsThatConnectionOnly() async throws {
        try await withRelay { client, relay, _ in
            relay.inject(RelayFault(.freeze, at: .reply(to: .setData)))
            let set = Task { try await client.set("/a", to: [1]).version }
            try await eventually("frozen") { relay.pendingFaults == 0 }
            var configuration = try relay.configuration
            configuration.chroot = "/"
            try await ZooKeeperClient.withClient(configuration) { other in
                let stat = try await other.exists("/")
                #expect(stat != nil, "a new connection passes")
            }
            relay.thaw()
            _ = try await set.value
        }
    }

    @Test func aDelayHoldsBackAndLosesNothing() async throws {
        try await withRelay { client, relay, _ in
            relay.inject(RelayFault(.delay(.milliseconds(20)), at: .anyReply, number: nil))
            let start = ContinuousClock.now
            for value in 0..<5 { try await client.set("/a", to: [UInt8(value)]) }
            #expect(start.duration(to: .now) >= .milliseconds(100))
            relay.clearFaults()
        }
    }

    @Test func aFaultOfOneConnectionLeavesTheOthersAlone() async throws {
        try await withRelay { client, relay, _ in
            relay.inject(RelayFault(.cut, at: .anyRequest, connection: relay.traffic.connections + 1))
            try await client.set("/a", to: [1])
            #expect(relay.pendingFaults == 1)
            relay.cut()
            // The heartbeat or the read itself is the first request of the new connection.
            _ = try await client.get("/a")
            try await eventually("it has happened") { relay.pendingFaults == 0 }
        }
    }

    @Test func watchEventsCanBeLost() async throws {
        try await withRelay { client, relay, beside in
            let watch = try await client.getWatched("/a").watch
            relay.inject(RelayFault(.cut, at: .watchEvent))
            try await beside.set("/a", to: [1])
            // It comes again over the next connection, from what the server knows of the node.
            let event = try await watch.event()
            #expect(event.kind == .dataChanged)
            #expect(relay.pendingFaults == 0)
        }
    }
}
