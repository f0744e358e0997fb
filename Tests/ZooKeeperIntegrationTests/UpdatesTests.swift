// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// Streams of changes lose no final state, whatever happens to connection and session.
@Suite(.timeLimit(.minutes(3))) struct UpdatesTests {
    private func withRelay(
        _ body: (ZooKeeperServer, ZooKeeperRelay, ZooKeeperClient, _ beside: ZooKeeperClient) async throws -> Void
    ) async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                try await ZooKeeperClient.withClient(relay.configuration) { client in
                    try await ZooKeeperClient.withClient(server.configuration) { beside in
                        try await body(server, relay, client, beside)
                    }
                }
            }
        }
    }

    @Test func followsANodeFromBeforeItIsThereUntilAfterItIsGone() async throws {
        try await withRelay { _, _, client, beside in
            var states = client.updates(of: "/a").makeAsyncIterator()
            #expect(try await states.next() == .some(nil))
            try await beside.create("/a", data: [1])
            #expect(try await states.next()??.data == [1])
            try await beside.set("/a", to: [2])
            #expect(try await states.next()??.data == [2])
            try await beside.delete("/a")
            #expect(try await states.next() == .some(nil))
            // Another node of that name with the same data is another state.
            try await beside.create("/a", data: [2])
            let again = try await states.next()
            #expect(again??.data == [2])
            #expect(again??.stat.version == 0)
        }
    }

    @Test func followsTheChildren() async throws {
        try await withRelay { _, _, client, beside in
            var states = client.childrenUpdates(of: "/a").makeAsyncIterator()
            #expect(try await states.next() == .some(nil))
            try await beside.create("/a")
            #expect(try await states.next()??.names == [])
            // The node's own data is not its children's business.
            try await beside.set("/a", to: [2])
            try await beside.create("/a/x")
            #expect(try await states.next()??.names == ["x"])
            try await beside.create("/a/y")
            try await beside.delete("/a/x")
            var names = try await states.next()??.names
            if names != ["y"] { names = try await states.next()??.names }
            #expect(names == ["y"])
        }
    }

    @Test func aSlowConsumerGetsTheNewestState() async throws {
        try await withRelay { _, _, client, beside in
            try await beside.create("/a", data: [0])
            var states = client.updates(of: "/a").makeAsyncIterator()
            #expect(try await states.next()??.data == [0])
            for value in 1...50 { try await beside.set("/a", to: [UInt8(value)]) }
            #expect(try await states.next()??.data == [50])
        }
    }

    @Test func whatHappensWhileTheConnectionIsAwayIsSeen() async throws {
        try await withRelay { _, relay, client, beside in
            try await beside.create("/a", data: [0])
            let session = try await client.withSession { $0 }
            var states = client.updates(of: "/a").makeAsyncIterator()
            var children = client.childrenUpdates(of: "/a").makeAsyncIterator()
            #expect(try await states.next()??.data == [0])
            #expect(try await children.next()??.names == [])
            try await relay.whileRefusing {
                try await eventually("disconnected") { !session.isConnected }
                try await beside.set("/a", to: [1])
                try await beside.create("/a/x")
            }
            #expect(try await states.next()??.data == [1])
            #expect(try await children.next()??.names == ["x"])
            #expect(session.state == client.sessionState, "in the same session")
        }
    }

    @Test func theConnectionMayStayAwayForLong() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                var configuration = try relay.configuration
                configuration.sessionTimeout = .seconds(60)
                configuration.requestTimeout = .milliseconds(50)
                try await ZooKeeperClient.withClient(configuration) { client in
                    let session = try await client.withSession { $0 }
                    try await client.create("/a")
                    let names = Shared<[String]>([])
                    let following = Task {
                        for try await children in client.childrenUpdates(of: "/a") {
                            names.withLock { $0 = children?.names ?? [] }
                        }
                    }
                    try await eventually("watched") { relay.traffic.requests[.getChildren2] == 1 }
                    try await relay.whileRefusing {
                        try await eventually("disconnected") { !session.isConnected }
                        await expectFailure(.connectionLoss) { try await client.get("/a") }
                        try await ZooKeeperClient.withClient(server.configuration) { _ = try await $0.create("/a/x") }
                    }
                    try await eventually("seen") { names.value == ["x"] }
                    following.cancel()
                    try await following.value
                }
            }
        }
    }

    @Test func onAClientItGoesOnInTheNextSession() async throws {
        try await withRelay { server, _, client, beside in
            try await beside.create("/a", data: [0])
            let session = try await client.withSession { $0 }
            var states = client.updates(of: "/a").makeAsyncIterator()
            #expect(try await states.next()??.data == [0])
            try await server.expire(session)
            try await beside.set("/a", to: [1])
            #expect(try await states.next()??.data == [1])
            #expect(try await client.withSession { $0.generation } == 2)
            try await beside.delete("/a")
            #expect(try await states.next() == .some(nil))
        }
    }

    @Test func onASessionItEndsWithIt() async throws {
        try await withRelay { server, _, client, beside in
            try await beside.create("/a")
            let session = try await client.withSession { $0 }
            var states = session.updates(of: "/a").makeAsyncIterator()
            _ = try await states.next()
            try await server.expire(session)
            await expectFailure(.sessionLost) { try await states.next() }
        }
    }

    @Test func itEndsWithItsConsumerAndWithItsClient() async throws {
        try await ZooKeeperServer.withServer { server in
            let stream = try await ZooKeeperClient.withClient(server.configuration) { client in
                let count = Shared(0)
                let following = Task {
                    for try await _ in client.updates(of: "/zookeeper") { count.withLock { $0 += 1 } }
                }
                try await eventually("the first state") { count.value == 1 }
                try await eventually("its watch is set") { try await server.watchCount() == 1 }
                following.cancel()
                try await following.value
                try await eventually("its watch is taken off") { try await server.watchCount() == 0 }
                return client.updates(of: "/zookeeper")
            }
            for try await _ in stream { Issue.record("the client is closed") }
        }
    }

    @Test func whatCannotGoOnThrows() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperClient.withClient(server.configuration) { client in
                let none = AccessControl([.init([], for: .anyone)])
                try await client.create("/secret", accessControl: none)
                var states = client.updates(of: "/secret").makeAsyncIterator()
                await expectFailure(.noAuth) { try await states.next() }
            }
        }
    }
}
