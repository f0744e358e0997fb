// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct WatchTests {
    private func withClient(_ body: (ZooKeeperClient) async throws -> Void) async throws {
        try await ZooKeeperServer.required.withClient(body)
    }

    private func kinds(_ watches: [Watch]) async throws -> [WatchEvent.Kind] {
        var kinds: [WatchEvent.Kind] = []
        for watch in watches { kinds.append(try await watch.event().kind) }
        return kinds
    }

    @Test func seesEveryKindOfChange() async throws {
        try await withClient { client in
            let creation = try await client.existsWatched("/a")
            #expect(creation.value == nil)
            try await client.create("/a")
            let event = try await creation.watch.event()
            #expect(event.kind == .created)
            #expect(event.path == "/a", "without the chroot")

            let data = try await client.getWatched("/a")
            let existence = try await client.existsWatched("/a")
            try await client.set("/a", to: [1])
            #expect(try await kinds([data.watch, existence.watch]) == [.dataChanged, .dataChanged])

            let children = try await client.childrenWatched(of: "/a")
            try await client.create("/a/b")
            #expect(try await children.watch.event().kind == .childrenChanged)

            let all = [
                try await client.getWatched("/a/b").watch, try await client.existsWatched("/a/b").watch,
                try await client.childrenWatched(of: "/a/b").watch,
            ]
            try await client.delete("/a/b")
            #expect(try await kinds(all) == [.deleted, .deleted, .deleted])
        }
    }

    /// Watches that fired, were dropped or refused, or ended with their session leave nothing in memory.
    @Test func nothingStaysInMemoryOfAWatchThatIsOver() async throws {
        struct WeakRegistration: Sendable {
            weak let registration: WatchRegistration?
        }
        let all = Shared<[WeakRegistration]>([])
        func remember(_ watch: Watch) {
            all.withLock { $0.append(WeakRegistration(registration: watch.registration)) }
        }
        try await withClient { client in
            try await client.create("/a")
            let fired = try await client.getWatched("/a").watch
            remember(fired)
            try await client.set("/a", to: [1])
            _ = try await fired.event()
            remember(try await client.childrenWatched(of: "/a").watch)
            let refused = GetData("/none").watched
            let request = refused.makeRequest()
            if let watch = request.watch { remember(watch) }
            _ = try await client.withSession { await $0.submit(request).answer() }
            remember(try await client.existsWatched("/none").watch)
            let kept = try await client.existsWatched("/none").watch
            remember(kept)
            let session = try await client.withSession { $0 }
            await session.close()
            await expectFailure(.closed) { try await kept.event() }
        }
        try await eventually("let go") { all.value.allSatisfy { $0.registration == nil } }
        #expect(all.value.count == 5)
    }

    @Test func firesOnceForEveryWaiter() async throws {
        try await withClient { client in
            try await client.create("/a")
            let watch = try await client.getWatched("/a").watch
            async let first = watch.event()
            async let second = watch.event()
            try await client.set("/a", to: [1])
            #expect(try await first == second)
            try await client.set("/a", to: [2])
            #expect(try await watch.event().kind == .dataChanged, "and to those who come later")
        }
    }

    /// A read that shows the change is answered after the event: 500 times.
    @Test func theEventComesBeforeAReadThatShowsIt() async throws {
        try await withClient { writer in
            let path = writer.configuration.chroot
            try await writer.create("/a")
            var configuration = try ZooKeeperServer.required.configuration
            configuration.chroot = path
            try await ZooKeeperClient.withClient(configuration) { reader in
                for round in 0..<500 {
                    let fired = Shared(false)
                    let watch = Watch { _ in fired.withLock { $0 = true } }
                    try await reader.withSession { session in
                        _ = try await session.submit(Request("/a", .getData, watch: watch)).answer().get()
                    }
                    async let write = writer.set("/a", to: [UInt8(round % 256)], ifVersion: Int32(round))
                    while try await reader.exists("/a")?.version == Int32(round) {}
                    #expect(fired.value, "round \(round)")
                    _ = try await write
                }
            }
        }
    }

    @Test func seesWhatHappenedWhileDisconnected() async throws {
        let server = try ZooKeeperServer.required
        try await ZooKeeperRelay.withRelay(to: server) { relay in
            try await ZooKeeperClient.withClient(relay.configuration) { client in
                let directory = try await client.create("/gone-", mode: .persistentSequential).path
                let changed = directory.child("changed")
                let deleted = directory.child("deleted")
                let created = directory.child("created")
                try await client.create(changed)
                try await client.create(deleted)
                let watches = [
                    try await client.getWatched(changed).watch, try await client.getWatched(deleted).watch,
                    try await client.existsWatched(created).watch,
                    try await client.childrenWatched(of: directory).watch,
                ]
                try await ZooKeeperClient.withClient(server.configuration) { other in
                    // Nothing is passed on while another client writes.
                    try await relay.whileRefusing {
                        try await other.set(changed, to: [1])
                        try await other.delete(deleted)
                        try await other.create(created)
                    }
                }
                #expect(try await kinds(watches) == [.dataChanged, .deleted, .created, .childrenChanged])
                #expect(relay.traffic.connections == 2)
            }
        }
    }

    /// A server that throttles may refuse the packet by which the C client sets its watches again, as any other, and the
    /// C client does not look at the answer.
    @Test func survivesAPacketOfWatchesThatIsNotExecuted() async throws {
        let server = try ZooKeeperServer.required
        try await ZooKeeperRelay.withRelay(to: server) { relay in
            try await ZooKeeperClient.withClient(relay.configuration) { client in
                let directory = try await client.create("/refused-", mode: .persistentSequential).path
                let nodes = (0..<3).map { directory.child("n\($0)") }
                for node in nodes { try await client.create(node) }
                var watches: [Watch] = []
                for node in nodes { watches.append(try await client.getWatched(node).watch) }
                watches.append(try await client.existsWatched(directory.child("created")).watch)
                watches.append(try await client.childrenWatched(of: directory).watch)

                relay.inject(RelayFault(.drop, at: .request(.setWatches)))
                relay.cut()
                try await eventually("the packet is dropped") { relay.pendingFaults == 0 }
                try await ZooKeeperClient.withClient(server.configuration) { other in
                    for node in nodes { try await other.set(node, to: [1]) }
                    try await other.create(directory.child("created"))
                }
                #expect(
                    try await kinds(watches)
                        == [.dataChanged, .dataChanged, .dataChanged, .created, .childrenChanged])
            }
        }
    }

    @Test func aWatchWithoutReferencesIsTakenOffTheServer() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperClient.withClient(server.configuration) { client in
                try await client.create("/a")
                var first: Watch? = try await client.getWatched("/a").watch
                var second: Watch? = try await client.existsWatched("/a").watch
                #expect(try await server.watchCount() == 1)
                withExtendedLifetime(first) {}
                first = nil
                try await client.sync()
                #expect(try await server.watchCount() == 1, "another task waits for the same")
                withExtendedLifetime(second) {}
                second = nil
                try await eventually("the server has forgotten it") { try await server.watchCount() == 0 }
                let again = try await client.getWatched("/a").watch
                try await client.set("/a", to: [1])
                #expect(try await again.event().kind == .dataChanged)
            }
        }
    }

    /// Watches are dropped while their nodes change: each that is still held fires, and none is left on the server.
    @Test func droppingRacesWithFiring() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperClient.withClient(server.configuration) { writer in
                try await writer.create("/a")
                try await ZooKeeperClient.withClient(server.configuration) { client in
                    for round in 0..<200 {
                        var dropped: Watch? = try await client.getWatched("/a").watch
                        let held = try await client.getWatched("/a").watch
                        async let write = writer.set("/a", to: [UInt8(round)])
                        withExtendedLifetime(dropped) {}
                        dropped = nil
                        let kind = try await held.event().kind
                        #expect(kind == .dataChanged)
                        _ = try await write
                        let last = try await client.getWatched("/a").watch
                        withExtendedLifetime(last) {}
                    }
                    try await eventually("none is left") { try await server.watchCount() == 0 }
                }
            }
        }
    }

    @Test func theDeletionOfANodeFiresAllKindsOnce() async throws {
        try await withClient { client in
            try await client.create("/a")
            let counts = Shared([0, 0, 0])
            let session = try await client.withSession { $0 }
            let path = ZNodePath(unchecked: "\(client.configuration.chroot)/a")
            let reads: [Action<TransactionStep>] = [.getData, .exists, .getChildren]
            let watches = reads.indices.map { index in Watch { _ in counts.withLock { $0[index] += 1 } } }
            for (read, watch) in zip(reads, watches) {
                var request = Request(path, read, watch: watch)
                request.isOutsideChroot = true
                _ = try await session.submit(request).answer().get()
            }
            try await client.delete("/a")
            try await client.create("/a")
            try await client.set("/a", to: [1])
            try await client.delete("/a")
            try await client.sync()
            #expect(counts.value == [1, 1, 1])
            withExtendedLifetime(watches) {}
        }
    }

    @Test func awaitingCanBeCancelledAndTheWatchStays() async throws {
        try await withClient { client in
            try await client.create("/a")
            let watch = try await client.getWatched("/a").watch
            let task = Task { try await watch.event() }
            task.cancel()
            await expectFailure(.cancelled) { try await task.value }
            try await client.set("/a", to: [1])
            #expect(try await watch.event().kind == .dataChanged)
        }
    }

    @Test func endsWithItsSession() async throws {
        let server = try ZooKeeperServer.required
        var watches: [Watch] = []
        try await server.withClient { client in
            try await client.create("/a")
            watches = [
                try await client.getWatched("/a").watch, try await client.existsWatched("/x").watch,
                try await client.childrenWatched(of: "/").watch,
            ]
        }
        for watch in watches { await expectFailure(.closed) { try await watch.event() } }
        try await server.withClient { client in
            try await client.create("/a")
            let (session, watch) = try await client.withSession { session in
                (session, try await session.getWatched("/a").watch)
            }
            try await server.expire(session)
            await expectFailure(.sessionLost) { try await watch.event() }
        }
    }

    @Test func aFailedReadLeavesNoWatch() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperClient.withClient(server.configuration) { client in
                await expectFailure(.noNode) { try await client.getWatched("/x") }
                await expectFailure(.noNode) { try await client.childrenWatched(of: "/x") }
                let count = try await server.watchCount()
                #expect(count == 0)
            }
        }
    }

    @Test func theBudgetIsKept() async throws {
        try await withClient { client in
            // Eleven paths of 90,000 bytes; the budget is 900,000.
            let paths = (0..<11).map { ZNodePath.root.child(String(repeating: "x", count: 90_000) + "\($0)") }
            var watches: [Watch] = []
            for path in paths.prefix(9) { watches.append(try await client.existsWatched(path).watch) }
            await expectFailure(.watchBudgetExceeded) { try await client.existsWatched(paths[9]) }
            #expect(try await client.exists(paths[9]) == nil, "reads without a watch go on")
            withExtendedLifetime(watches.removeLast()) {}
            try await eventually("the budget is free again") {
                do {
                    watches.append(try await client.existsWatched(paths[10]).watch)
                    return true
                } catch ZooKeeperError.Code.watchBudgetExceeded {
                    return false
                }
            }
        }
    }
}
