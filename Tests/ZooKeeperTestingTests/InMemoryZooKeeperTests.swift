// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// Real clients on the server in memory: calls, and injected faults.
@Suite(.timeLimit(.minutes(3))) struct InMemoryZooKeeperTests {
    private let zooKeeper = InMemoryZooKeeper()

    // MARK: Well

    @Test func doesWhatAServerDoes() async throws {
        try await zooKeeper.withClient { client in
            let created = try await client.create("/a", data: "hello".utf8)
            let node = try await client.get("/a")
            #expect(node.data == Array("hello".utf8))
            #expect(node.stat == created.stat)
            #expect(node.stat.ctime > 1_700_000_000_000, "milliseconds since 1970")
            let numbered = try await client.create("/a/n-", mode: .persistentSequential).path
            #expect(numbered == "/a/n-0000000000")
            let children = try await client.children(of: "/a")
            #expect(children.names == ["n-0000000000"])
            #expect(children.stat.cversion == 1)
            await expectFailure(.notEmpty) { try await client.delete("/a") }
            await expectFailure(.badVersion) { try await client.set("/a", to: [1], ifVersion: 7) }
            let error = await expectFailure(.noNode) { try await client.transaction(Check("/a"), Delete("/x")) }
            #expect((error as? ZooKeeperError)?.failedOperation == 1)
            try await client.sync()
        }
    }

    @Test func clientsSeeEachOtherAndLeaveNothing() async throws {
        try await zooKeeper.withClient { first in
            let watch = try await zooKeeper.withClient { second in
                try await second.create("/e", mode: .ephemeral)
                return try await first.getWatched("/e").watch
            }
            #expect(try await watch.event().kind == .deleted)
            let left = try await first.exists("/e")
            #expect(left == nil)
            #expect(zooKeeper.sessionCount == 1)
            withExtendedLifetime(try await first.childrenWatched(of: "/")) { #expect(zooKeeper.watchCount == 1) }
            try await eventually("no watch is left") { zooKeeper.watchCount == 0 }
        }
        #expect(zooKeeper.sessionCount == 0)
    }

    @Test func chrootsAndCredentialsWork() async throws {
        var configuration = zooKeeper.configuration
        configuration.chroot = "/app"
        try await zooKeeper.withClient(configuration) { client in
            await expectFailure(.chrootNotFound) { try await client.create("/a") }
        }
        try await zooKeeper.withClient { try await $0.create("/app") }
        configuration.credentials = [.digest(user: "bob", password: "sesame")]
        try await zooKeeper.withClient(configuration) { client in
            try await client.create("/a", data: [1], accessControl: .creatorAll)
            zooKeeper.cut()
            #expect(try await client.get("/a").data == [1], "shown on every connection")
        }
        try await zooKeeper.withClient { client in
            await expectFailure(.noAuth) { try await client.get("/app/a") }
            try await client.authenticate(.digest(user: "bob", password: "sesame"))
            #expect(try await client.get("/app/a").data == [1])
        }
    }

    @Test func manyCallsAreAnsweredOnceEach() async throws {
        let calls = TrackedCalls()
        try await zooKeeper.withClient { client in
            try await client.withSession { session in
                calls.issue(20_000, in: session) { index in
                    index % 2 == 0
                        ? Request(
                            ZNodePath(unchecked: "/\(index)"),
                            .create(data: [], mode: .persistent, accessControl: .open))
                        : Request(ZNodePath(unchecked: "/\(index - 1)"), .exists)
                }
                try await eventually("all are answered") { calls.answered == 20_000 }
            }
        }
        #expect(calls.results == ["success": 20_000], "in order: each node is there when it is looked for")
        #expect(calls.answeredTwice == 0)
        try await eventually("nothing is kept") { calls.alive == 0 }
    }

    @Test func observersAreNotCalledUnderALock() async throws {
        try await zooKeeper.withClient { client in
            try await client.withSession { session in
                let done = Promise<Void>()
                // Would not come back if the observer ran under the session's lock or the server's.
                _ = session.submit(Request("/", .exists)) { [weak session, zooKeeper] _ in
                    _ = zooKeeper.sessionCount
                    guard let session else { return }
                    _ = session.submit(Request("/", .exists)) { _ in done.fulfil(()) }
                }
                await done.wait()
            }
        }
    }

    @Test func emptyContainersAndTimesToLiveEndOnDemand() async throws {
        try await zooKeeper.withClient { client in
            try await client.create("/c", mode: .container)
            try await client.create("/c/child")
            try await client.create("/t", mode: .persistent(timeToLive: .seconds(3_600)))
            zooKeeper.removeEmptyContainers()
            zooKeeper.endTimeToLive(of: "/c/child")
            #expect(try await client.children(of: "/").names.sorted() == ["c", "t", "zookeeper"])
            try await client.delete("/c/child")
            zooKeeper.removeEmptyContainers()
            zooKeeper.endTimeToLive(of: "/t")
            #expect(try await client.children(of: "/").names == ["zookeeper"])
        }
    }

    // MARK: Trouble

    @Test func anExpiredSessionIsFollowedByANewOne() async throws {
        try await zooKeeper.withClient { client in
            try await client.create("/e", mode: .ephemeral)
            let watch = try await client.getWatched("/e").watch
            let session = try await client.withSession { $0 }
            try zooKeeper.expire(session)
            try zooKeeper.expire(session)
            await session.ended.wait()
            #expect(session.state == .lost(.expired))
            _ = await #expect(throws: (any Error).self) { try await session.exists("/") }
            // The server may tell of the deletion before it closes the connection.
            do {
                let kind = try await watch.event().kind
                #expect(kind == .deleted)
            } catch ZooKeeperError.Code.sessionLost {}
            let left = try await client.exists("/e")
            #expect(left == nil)
            #expect(try await client.withSession { $0.generation } == 2)
        }
    }

    @Test func aLostConnectionLosesNoSessionAndNoEvent() async throws {
        var configuration = zooKeeper.configuration
        configuration.sessionTimeout = .seconds(60)
        try await zooKeeper.withClient(configuration) { client in
            try await client.create("/changed")
            try await client.create("/deleted")
            try await client.create("/e", mode: .ephemeral)
            let watches = [
                try await client.getWatched("/changed").watch, try await client.getWatched("/deleted").watch,
                try await client.existsWatched("/created").watch, try await client.childrenWatched(of: "/").watch,
            ]
            let quiet = try await client.getWatched("/e").watch
            let session = try await client.withSession { $0 }
            for _ in 0..<20 { zooKeeper.cut(session) }
            _ = try await client.exists("/")
            let connection = session.connection
            try await zooKeeper.withClient { other in
                try await zooKeeper.whileRefusing(session) {
                    try await other.set("/changed", to: [1])
                    try await other.delete("/deleted")
                    try await other.create("/created")
                    try await eventually("it hears of that") { !session.isConnected }
                }
            }
            var kinds: [WatchEvent.Kind] = []
            for watch in watches { kinds.append(try await watch.event().kind) }
            #expect(kinds == [.dataChanged, .deleted, .created, .childrenChanged])
            #expect(try await client.exists("/e")?.ephemeralOwner == session.id)
            #expect(session.connection == connection + 1)
            try await client.set("/e", to: [])
            #expect(try await quiet.event().kind == .dataChanged, "set again after the reconnect")
        }
    }

    @Test func aLostAnswerIsUnknownToAWriteAndNothingToARead() async throws {
        try await zooKeeper.withClient { client in
            _ = try await client.exists("/")
            zooKeeper.loseNextReply(to: .create2)
            let error = await expectFailure(.connectionLoss) { try await client.create("/a", data: [1]) }
            #expect((error as? ZooKeeperError)?.execution == .unknown)
            zooKeeper.loseNextReply(to: .getData)
            #expect(try await client.get("/a").data == [1], "it was executed")
            zooKeeper.loseNextReply(to: .multi)
            await expectFailure(.connectionLoss) { try await client.transaction(SetData("/a", to: [2]), Check("/a")) }
            #expect(try await client.get("/a").data == [2])
        }
    }

    /// The thread is the one that would report the loss.
    @Test func aPipelineThatIsTriedAgainBeforeTheNewsOfTheLossWaitsForIt() async throws {
        try await zooKeeper.withClient { client in
            try await client.withSession { session in
                let requests = [Request("/", .sync), Request("/", .exists)]
                let outcomes = Promise<[PendingRequest]>()
                _ = session.submit(Request("/", .exists)) { [weak session, zooKeeper] _ in
                    guard let session else { return }
                    zooKeeper.cut(session)
                    outcomes.fulfil(session.submitPipeline(requests) + session.submitPipeline(requests))
                }
                guard case .value(let pendingRequests) = await outcomes.wait() else { return }
                var codes: [ZooKeeperError.Code?] = []
                for pending in pendingRequests {
                    switch await pending.answer() {
                    case .success: codes.append(nil)
                    case .failure(let error): codes.append(error.code)
                    }
                }
                // If another thread still has the duty to hand over, the first pipeline is not tried before the news
                // either.
                #expect(codes == [.connectionLoss, .connectionLoss, nil, nil] || codes == [nil, nil, nil, nil])
            }
        }
    }

    @Test func aSessionWithoutAConnectionEndsAfterItsTimeout() async throws {
        var configuration = zooKeeper.configuration
        configuration.sessionTimeout = .milliseconds(100)
        configuration.abandonAfter = .seconds(3_600)
        configuration.requestTimeout = .seconds(30)
        try await zooKeeper.withClient(configuration) { client in
            let session = try await client.withSession { $0 }
            try await client.create("/e", mode: .ephemeral)
            try await zooKeeper.whileRefusing {
                try await eventually("the server ends it") { zooKeeper.sessionCount == 0 }
            }
            await session.ended.wait()
            #expect(session.state == .lost(.expired))
            let after = try await client.exists("/e")
            #expect(after == nil)
        }
    }

    @Test func noClientConnectsWhileRefused() async throws {
        try await zooKeeper.whileRefusing {
            var configuration = zooKeeper.configuration
            configuration.connectTimeout = .milliseconds(50)
            try await zooKeeper.withClient(configuration) { client in
                await expectFailure(.connectTimeout) { try await client.exists("/") }
            }
        }
        try await zooKeeper.withClient { client in
            let stat = try await client.exists("/")
            #expect(stat != nil)
        }
        #expect(zooKeeper.sessionCount == 0)
    }

    @Test func anUnknownSchemeEndsTheSession() async throws {
        try await zooKeeper.withClient { client in
            let session = try await client.withSession { $0 }
            await expectFailure(.authenticationFailed) {
                try await client.authenticate(Credential(scheme: "nonsense", proof: [1]))
            }
            try await eventually("the session is lost") { session.state == .lost(.authenticationFailed) }
            let stat = try await client.exists("/x")
            #expect(stat == nil, "the next one works")
        }
    }

    @Test func closingDuringTroubleReturns() async throws {
        let calls = TrackedCalls()
        for _ in 0..<50 {
            try await zooKeeper.withClient { client in
                try await client.withSession { session in
                    calls.issue(20, in: session) { _ in Request("/", .exists) }
                    zooKeeper.cut()
                    calls.issue(20, in: session) { _ in Request("/", .exists) }
                }
            }
        }
        try await eventually("all are answered") { calls.answered == 2_000 && calls.alive == 0 }
        #expect(calls.answeredTwice == 0)
    }
}
