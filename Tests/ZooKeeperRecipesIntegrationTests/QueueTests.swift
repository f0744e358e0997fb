// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// The nodes in the directory of a lock: those of older sessions, foreign ones, and those left by lost answers.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct QueueTests {
    /// CURATOR-604: a client in a new session finds the node of its old one first in the queue, and takes it for its
    /// own.
    @Test func theNodeOfAnOlderSessionIsNeverAdopted() async throws {
        let server = try ZooKeeperServer.required
        try await server.withClient { client in
            try await server.withClient(in: client.configuration.chroot) { old in
                // The same protected prefix as ours, in a session that still lives.
                try await client.create("/a")
                let guid = GUIDSource().next()
                let prefix = ZNodePath("/a").child(LineDialect.curator.prefix(for: guid))
                let stale = try await old.create(prefix, mode: .ephemeralSequential)
                let entered = Shared(false)
                let waiter = Task {
                    try await ZooKeeperLock(client, at: "/a").withLock { lease in
                        entered.withLock { $0 = true }
                        return lease
                    }
                }
                try await eventually("enqueued") { try await client.childNames(of: "/a").count == 2 }
                #expect(!entered.value)
                try await old.delete(stale.path)
                let lease = try await waiter.value
                #expect(lease.nodePath != stale.path)
                #expect(try lease.fencingToken > FencingToken(czxid: #require(stale.stat).czxid))
            }
        }
    }

    @Test func theNodeOfOurOwnOlderSessionIsNotAdoptedEither() async throws {
        let server = try ZooKeeperServer.required
        try await server.withClient { client in
            // Held in a session that is lost for us, but whose node the servers still have.
            let held = try await ZooKeeperLock(client, at: "/a").acquire()
            let session = held.lease.session
            try await server.expire(session)
            try await server.withClient(in: client.configuration.chroot) { other in
                let leftover = try await other.create(held.lease.nodePath, mode: .ephemeral)
                #expect(await held.loss() != nil)
                let waiter = Task { try await ZooKeeperLock(client, at: "/a").withLock { $0 } }
                try await eventually("enqueued") { try await other.childNames(of: "/a").count == 2 }
                try await other.delete(leftover.path)
                let lease = try await waiter.value
                #expect(lease.nodePath != held.lease.nodePath)
            }
        }
    }

    /// A wait that came to nothing lets go of everything, so that the session can go.
    @Test(arguments: [true, false]) func nothingStaysInMemoryOfAWaitInVain(_ isCancelled: Bool) async throws {
        let server = try ZooKeeperServer.required
        weak var released: ZooKeeperSession?
        try await server.withClient { client in
            let held = try await ZooKeeperLock(client, at: "/a").acquire()
            try await server.withClient(in: client.configuration.chroot) { other in
                released = try await other.withSession { $0 }
                let waiter = Task {
                    try await ZooKeeperLock(other, at: "/a").withLock(
                        waitingUpTo: isCancelled ? nil : .milliseconds(50)
                    ) { _ in }
                }
                if isCancelled {
                    try await eventually("enqueued") { try await client.childNames(of: "/a").count == 2 }
                    waiter.cancel()
                }
                await #expect(throws: (any Error).self) { try await waiter.value }
                #expect(released != nil)
            }
            try await held.release()
        }
        try await eventually("let go") { released == nil }
    }

    /// The end of the time given may come while an answer is being dealt with on another thread.
    @Test func aTimeOutIsNeverCalledACancellation() async throws {
        try await ZooKeeperServer.required.withClient { client in
            await withTaskGroup(of: Void.self) { group in
                for index in 0..<20 {
                    group.addTask {
                        let lock = ZooKeeperLock(client, at: ZNodePath.root.child("l\(index % 10)"))
                        for attempt in 0..<50 {
                            do {
                                try await lock.withLock(waitingUpTo: .microseconds(40 * attempt + index)) { _ in }
                            } catch {
                                #expect(LockError.Code.timedOut ~= error, "\(error)")
                            }
                        }
                    }
                }
            }
        }
    }

    @Test func foreignChildrenNeitherBlockNorCrash() async throws {
        try await ZooKeeperServer.required.withClient { client in
            try await client.create("/a")
            let foreign = [
                "00", "config", "zz", "lock-", "lock-x", "_c_18cd1f3e-7f5e-4c0e-9d0b-0f6c5d2e1a3b-latch-0000000000",
                "18cd1f3e7f5e4c0e9d0b0f6c5d2e1a3b__lock__0000000000", "n_0000000000",
            ]
            for name in foreign { try await client.create(ZNodePath("/a").child(name)) }
            let lock = ZooKeeperLock(client, at: "/a")
            try await lock.withLock(waitingUpTo: .seconds(30)) { _ in }
            let result = try await lock.withLockIfAvailable { _ in 1 }
            #expect(result == 1)
            let left = try await client.childNames(of: "/a")
            #expect(left.sorted() == foreign.sorted())
        }
    }

    @Test func aContenderWithoutDataIsWaitedFor() async throws {
        try await ZooKeeperServer.required.withClient { client in
            try await client.create("/a")
            let other = try await client.create("/a/x-lock-", mode: .ephemeralSequential)
            let lock = ZooKeeperLock(client, at: "/a")
            let taken = try await lock.withLockIfAvailable { _ in 1 }
            #expect(taken == nil)
            let waiter = Task { try await lock.withLock { _ in 2 } }
            try await eventually("enqueued") { try await client.childNames(of: "/a").count == 2 }
            try await client.delete(other.path)
            #expect(try await waiter.value == 2)
        }
    }

    @Test(arguments: ["_c_x-lock-2147483647", "_c_x-lock--2147483648"])
    func numbersThatHaveRunOutAreSaid(_ name: String) async throws {
        try await ZooKeeperServer.required.withClient { client in
            try await client.create("/a")
            try await client.create(ZNodePath("/a").child(name))
            let lock = ZooKeeperLock(client, at: "/a")
            await #expect { try await lock.withLock { _ in } } throws: { LockError.Code.sequenceExhausted ~= $0 }
            await #expect {
                try await lock.withLockIfAvailable { _ in }
            } throws: { LockError.Code.sequenceExhausted ~= $0 }
            try await eventually("nothing of ours stays") { try await client.childNames(of: "/a") == [name] }
        }
    }

    /// An operator removes the holder's node and the waiter's in one transaction. A waiter that hears of its own first
    /// is enqueued again; one that hears of the other first is granted the lock and loses it at once.
    @Test(arguments: [true, false]) func aNodeThatGoesWithThatInFront(_ isOwnFirst: Bool) async throws {
        let server = try ZooKeeperServer.required
        try await server.withClient { client in
            let lock = ZooKeeperLock(client, at: "/a")
            let held = try await lock.acquire()
            let (position, first) = (QueuePosition(), Promise<ZNodePath>())
            let waiter = Task {
                try await lock.withLock(position: position) { lease in
                    guard case .value(let node) = await first.wait() else { return lease.nodePath }
                    if lease.nodePath == node { try await Task.sleep(for: .seconds(3_600)) }
                    return lease.nodePath
                }
            }
            let node = try #require(await position.enqueued()).node
            first.fulfil(node)
            try await eventually("both are watched") {
                let watches = try await server.ask("wchp")
                return [node, held.lease.nodePath].allSatisfy { watches.contains($0.name) }
            }
            let nodes: [any TransactionOperation] = [Delete(held.lease.nodePath), Delete(node)]
            try await client.transaction(isOwnFirst ? Array(nodes.reversed()) : nodes)
            #expect(await held.loss() == .nodeDeleted)
            let result = await waiter.result
            if isOwnFirst {
                #expect(try result.get() != node)
            } else {
                #expect { try result.get() } throws: { ($0 as? LockError)?.loss == .nodeDeleted }
            }
            try await eventually("the queue is empty") { try await client.childNames(of: "/a") == [] }
        }
    }

    /// The servers remove empty containers whenever they like: also between their creation and the first node in them.
    @Test func theDirectoryMayGoAtAnyMoment() async throws {
        var configuration = ServerConfiguration()
        configuration.systemProperties["znode.container.checkIntervalMs"] = "1"
        configuration.systemProperties["znode.container.maxPerMinute"] = "60000"
        try await ZooKeeperServer.withServer(configuration) { server in
            try await server.withClient { client in
                var reaped = 0
                for _ in 0..<200 {
                    let before = try await client.exists("/x/y/z")
                    try await ZooKeeperLock(client, at: "/x/y/z").withLock { _ in }
                    if before == nil { reaped += 1 }
                }
                #expect(reaped > 1, "it was removed in between, or this shows nothing")
            }
        }
    }

    // MARK: Lost answers

    private func withRelay(
        _ body: (ZooKeeperClient, ZooKeeperRelay, ZooKeeperClient) async throws -> Void
    ) async throws {
        try await ZooKeeperServer.required.withRelayedClient(sessionTimeout: .seconds(4)) { client, relay, observer in
            try await ZooKeeperLock(client, at: "/a").withLock { _ in }
            try await body(client, relay, observer)
        }
    }

    @Test func aCreateWhoseAnswerIsLostIsFoundAgain() async throws {
        try await withRelay { client, relay, observer in
            relay.inject(RelayFault(.cut, at: .reply(to: .create2)))
            try await ZooKeeperLock(client, at: "/a").withLock { lease in
                try await lease.verify()
                let names = try await observer.childNames(of: "/a")
                #expect(names == [lease.nodePath.name], "one node, and it is ours")
                let stat = try #require(try await observer.exists(lease.nodePath))
                #expect(lease.fencingToken == FencingToken(czxid: stat.czxid))
            }
            let left = try await observer.childNames(of: "/a")
            #expect(left == [])
        }
    }

    @Test func aWaitersLostAnswerIsFoundAgain() async throws {
        try await withRelay { client, relay, observer in
            let held = try await ZooKeeperLock(observer, at: "/a").acquire()
            relay.inject(RelayFault(.cut, at: .reply(to: .create2)))
            let waiter = Task { try await ZooKeeperLock(client, at: "/a").withLock { $0 } }
            try await eventually("enqueued") { try await observer.childNames(of: "/a").count == 2 }
            try await held.release()
            let lease = try await waiter.value
            #expect(lease.fencingToken > held.lease.fencingToken)
            let left = try await observer.childNames(of: "/a")
            #expect(left == [])
        }
    }

    /// The caller leaves while the outcome of its create is unknown.
    @Test func aCancelledCreateWhoseAnswerIsLostLeavesNothing() async throws {
        try await withRelay { client, relay, observer in
            let held = try await ZooKeeperLock(observer, at: "/a").acquire()
            let before = relay.traffic
            relay.inject(RelayFault(.cut, at: .reply(to: .create2)))
            let waiter = Task { try await ZooKeeperLock(client, at: "/a").withLock { _ in } }
            try await eventually("created") { (relay.traffic - before).requests[.create2] == 1 }
            waiter.cancel()
            await #expect(throws: CancellationError.self) { try await waiter.value }
            try await eventually("only the holder is left") { try await observer.childNames(of: "/a").count == 1 }
            try await held.release()
        }
    }

    @Test func aReleaseWhoseAnswerIsLostIsSentAgain() async throws {
        try await withRelay { client, relay, observer in
            relay.inject(RelayFault(.cut, at: .reply(to: .delete)))
            try await ZooKeeperLock(client, at: "/a").withLock { _ in }
            let left = try await observer.childNames(of: "/a")
            #expect(left == [])
            try await ZooKeeperLock(client, at: "/a").withLock(waitingUpTo: .seconds(30)) { _ in }
        }
    }

    @Test func aTimeOutWhileDisconnectedLeavesNothing() async throws {
        try await withRelay { client, relay, observer in
            let session = try await client.withSession { $0 }
            try await relay.whileRefusing {
                try await eventually("disconnected") { !session.isConnected }
                await #expect {
                    try await ZooKeeperLock(client, at: "/a").withLock(waitingUpTo: .milliseconds(100)) { _ in }
                } throws: { LockError.Code.timedOut ~= $0 }
            }
            try await client.sync()
            let left = try await observer.childNames(of: "/a")
            #expect(left == [])
            #expect(relay.traffic.requests[.create2] == 2, "the first lock's, and it was created twice on a fresh path")
        }
    }

    /// A server that throttles may refuse the packet by which the C client sets the watches of a waiter again, as any
    /// other, and the C client does not look at the answer.
    @Test func aWaiterWhoseWatchesWereNotSetAgainIsGranted() async throws {
        let server = try ZooKeeperServer.required
        try await server.withRelayedClient { client, relay, other in
            let held = try await ZooKeeperLock(other, at: "/a").acquire()
            let waiter = Task { try await ZooKeeperLock(client, at: "/a").withLock { $0.fencingToken } }
            try await eventually("watching") { relay.traffic.requests[.getData] == 2 }
            relay.inject(RelayFault(.drop, at: .request(.setWatches)))
            relay.cut()
            try await eventually("the packet is dropped") { relay.pendingFaults == 0 }
            try await held.release()
            #expect(try await waiter.value > held.lease.fencingToken)
        }
    }
}
