import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Acquire and release, contention, time-outs and cancellation, on a server that is well.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct LockTests {
    private func withClient(_ body: (ZooKeeperClient) async throws -> Void) async throws {
        try await ZooKeeperServer.required.withClient(body)
    }

    /// Two clients that share a chroot.
    private func withTwoClients(_ body: (ZooKeeperClient, ZooKeeperClient) async throws -> Void) async throws {
        let server = try ZooKeeperServer.required
        try await server.withClient { first in
            try await server.withClient(in: first.configuration.chroot) { second in
                try await body(first, second)
            }
        }
    }

    /// Waits until so many stand in line.
    private func line(_ client: ZooKeeperClient, _ path: ZNodePath, has count: Int) async throws {
        try await eventually("\(count) in line") { try await names(client, path).count == count }
    }

    private func names(_ client: ZooKeeperClient, _ path: ZNodePath) async throws -> [String] {
        do { return try await client.children(of: path).names } catch ZooKeeperError.Code.noNode { return [] }
    }

    // MARK: Acquire and release

    @Test func theBodyRunsWhileTheNodeIsThere() async throws {
        try await withClient { client in
            let lock = ZooKeeperLock(client, at: "/locks/a")
            let result = try await lock.withLock { lease in
                try lease.checkHeld()
                #expect(lease.remaining > .zero)
                let node = try await client.get(lease.nodePath)
                #expect(FencingToken(czxid: node.stat.czxid) == lease.fencingToken)
                #expect(node.data == Array(ProcessIdentity.description.utf8))
                #expect(lease.nodePath.parent == "/locks/a")
                #expect(LineDialect.curator.parse(lease.nodePath.name) != .foreign)
                return 42
            }
            #expect(result == 42)
            let left = try await names(client, "/locks/a")
            #expect(left == [])
        }
    }

    @Test func theBodysErrorComesThroughAndTheLockIsGivenBack() async throws {
        struct Oops: Error {}
        try await withClient { client in
            let lock = ZooKeeperLock(client, at: "/a")
            await #expect(throws: Oops.self) { try await lock.withLock { _ in throw Oops() } }
            let left = try await names(client, "/a")
            #expect(left == [])
        }
    }

    @Test func tokensGrowFromHolderToHolder() async throws {
        try await withTwoClients { first, second in
            var last = FencingToken(czxid: Zxid(rawValue: 0))
            for round in 0..<20 {
                let lock = ZooKeeperLock(round % 2 == 0 ? first : second, at: "/a")
                let token = try await lock.withLock { $0.fencingToken }
                #expect(token > last)
                last = token
                // The numbers of the nodes start again with the directory; the tokens do not.
                if round == 10 { try await first.delete("/a") }
            }
        }
    }

    @Test func aLockAtTheRootWorks() async throws {
        try await withClient { client in
            try await ZooKeeperLock(client, at: "/").withLock { lease in
                #expect(lease.nodePath.parent == .root)
            }
        }
    }

    @MainActor @Test func theBodyRunsInTheCallersIsolation() async throws {
        final class NotSendable { var count = 0 }
        let object = NotSendable()
        let server = try ZooKeeperServer.required
        try await server.withClient { client in
            let returned = try await ZooKeeperLock(client, at: "/a").withLock { _ in
                MainActor.assertIsolated()
                object.count += 1
                return object
            }
            #expect(returned.count == 1)
        }
    }

    // MARK: Contention

    @Test func contendersAreServedInTheOrderInWhichTheyCame() async throws {
        try await withTwoClients { first, second in
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            let order = Shared<[Int]>([])
            var tasks: [Task<Void, any Error>] = []
            for index in 0..<10 {
                let lock = ZooKeeperLock(index % 2 == 0 ? first : second, at: "/a")
                tasks.append(
                    Task { try await lock.withLock { _ in order.withLock { $0.append(index) } } })
                try await line(first, "/a", has: index + 2)
            }
            try await held.release()
            for task in tasks { try await task.value }
            #expect(order.value == Array(0..<10))
        }
    }

    @Test func neverTwoAtOnce() async throws {
        try await withTwoClients { first, second in
            let inside = Shared((now: 0, most: 0, total: 0))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<8 {
                    let lock = ZooKeeperLock(index % 2 == 0 ? first : second, at: "/a")
                    group.addTask {
                        for _ in 0..<20 {
                            try await lock.withLock { _ in
                                inside.withLock {
                                    $0.now += 1
                                    $0.most = max($0.most, $0.now)
                                    $0.total += 1
                                }
                                await Task.yield()
                                inside.withLock { $0.now -= 1 }
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(inside.value == (now: 0, most: 1, total: 160))
            let left = try await names(first, "/a")
            #expect(left == [])
        }
    }

    @Test func aWaiterWhoseNodeIsDeletedStandsInLineAgain() async throws {
        try await withTwoClients { first, second in
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            let waiter = Task { try await ZooKeeperLock(second, at: "/a").withLock { $0.nodePath } }
            try await line(first, "/a", has: 2)
            let all = try await names(first, "/a")
            let waiting = try #require(all.first { $0 != held.lease.nodePath.name })
            try await first.delete(ZNodePath("/a").child(waiting))
            try await eventually("it is there again") {
                let names = try await names(first, "/a")
                return names.count == 2 && !names.contains(waiting)
            }
            try await held.release()
            #expect(try await waiter.value.name != waiting)
        }
    }

    @Test func aWriteToTheHoldersNodeWakesNobodyWrongly() async throws {
        try await withTwoClients { first, second in
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            let entered = Shared(false)
            let waiter = Task {
                try await ZooKeeperLock(second, at: "/a").withLock { _ in entered.withLock { $0 = true } }
            }
            try await line(first, "/a", has: 2)
            for _ in 0..<10 { try await first.set(held.lease.nodePath, to: "poke".utf8) }
            try held.lease.checkHeld()
            #expect(!entered.value)
            try await held.release()
            try await waiter.value
        }
    }

    // MARK: Attempts

    @Test func anAttemptTakesWhatIsFreeOnly() async throws {
        try await withTwoClients { first, second in
            let mine = ZooKeeperLock(first, at: "/a")
            let theirs = ZooKeeperLock(second, at: "/a")
            let inner = try await mine.withLockIfAvailable { _ in
                try await theirs.withLockIfAvailable { _ in 1 }
            }
            #expect(inner == .some(nil))
            let after = try await theirs.withLockIfAvailable { _ in 2 }
            #expect(after == 2)
            let left = try await names(first, "/a")
            #expect(left == [])
        }
    }

    // MARK: Time-outs and cancellation

    @Test func aTimeOutNamesTheHolderAndLeavesNothing() async throws {
        try await withTwoClients { first, second in
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            let error = try await errorOfWaitInVain { limit in
                try await ZooKeeperLock(second, at: "/a").withLock(waitingUpTo: limit) { _ in }
            }
            #expect(error.code == .timedOut)
            #expect(error.holder == held.lease.nodePath.name)
            #expect(error.path == "/a")
            try await line(first, "/a", has: 1)
            #expect(held.lease.remaining > .zero)
        }
    }

    @Test(arguments: [Duration.zero, .seconds(-1), .seconds(Int64.min / 2)])
    func aTimeOutOfNothingSendsNothing(_ limit: Duration) async throws {
        try await ZooKeeperServer.required.withRelayedClient { client, relay in
            let before = relay.traffic
            let lock = ZooKeeperLock(client, at: "/a")
            await #expect(throws: LockError.self) {
                try await lock.withLock(waitingUpTo: limit) { _ in Issue.record("ran") }
            }
            await #expect(throws: LockError.self) { try await lock.acquire(waitingUpTo: limit) }
            #expect((relay.traffic - before).requestCount == 0)
        }
    }

    @Test func cancellingAWaiterLeavesNothingAndOthersGoOn() async throws {
        try await withTwoClients { first, second in
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            let cancelled = Task { try await ZooKeeperLock(second, at: "/a").withLock { _ in } }
            try await line(first, "/a", has: 2)
            let patient = Task { try await ZooKeeperLock(second, at: "/a").withLock { _ in 7 } }
            try await line(first, "/a", has: 3)
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            try await line(first, "/a", has: 2)
            try await held.release()
            #expect(try await patient.value == 7)
            let left = try await names(first, "/a")
            #expect(left == [])
        }
    }

    @Test func aCancelledTaskGetsNoLock() async throws {
        try await withClient { client in
            let isCancelled = Promise<Void>()
            let task = Task {
                await isCancelled.wait(isShielded: true)
                try await ZooKeeperLock(client, at: "/a").withLock { _ in Issue.record("ran") }
            }
            task.cancel()
            isCancelled.fulfil(())
            await #expect(throws: CancellationError.self) { try await task.value }
            try await line(client, "/a", has: 0)
        }
    }

    /// Cancelled at whatever moment, a hundred times: nothing stays, and the lock can be had.
    @Test func cancellingAtAnyMomentLeavesNothing() async throws {
        try await withClient { client in
            let lock = ZooKeeperLock(client, at: "/a")
            for round in 0..<100 {
                let task = Task { try await lock.withLock { _ in try await client.sync() } }
                for _ in 0..<(round * 3) { await Task.yield() }
                task.cancel()
                _ = await task.result
            }
            try await line(client, "/a", has: 0)
            try await lock.withLock(waitingUpTo: .seconds(30)) { _ in }
        }
    }

    @Test func releasingIsNotCancelled() async throws {
        try await withClient { client in
            let lock = ZooKeeperLock(client, at: "/a")
            let isInside = Promise<Void>()
            let isCancelled = Promise<Void>()
            let task = Task {
                try await lock.withLock { _ in
                    isInside.fulfil(())
                    await isCancelled.wait(isShielded: true)
                }
            }
            await isInside.wait()
            task.cancel()
            isCancelled.fulfil(())
            try await task.value
            let left = try await names(client, "/a")
            #expect(left == [], "gone when withLock returns")
        }
    }

    // MARK: By hand

    @Test func aHeldLockIsHeldUntilItIsReleased() async throws {
        try await withTwoClients { first, second in
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            let other = try await ZooKeeperLock(second, at: "/a").withLockIfAvailable { _ in 1 }
            #expect(other == nil)
            #expect(try await held.release() == nil)
            #expect(try await held.release() == nil, "again is harmless")
            #expect(await held.loss() == nil)
            #expect { try held.lease.checkHeld() } throws: { LockError.Code.scopeEnded ~= $0 }
            let after = try await ZooKeeperLock(second, at: "/a").withLockIfAvailable { _ in 1 }
            #expect(after == 1)
        }
    }

    @Test func aDroppedLockIsReleased() async throws {
        try await withClient { client in
            do {
                let held = try await ZooKeeperLock(client, at: "/a").acquire()
                #expect(held.lease.remaining > .zero)
            }
            try await line(client, "/a", has: 0)
        }
    }

    @Test func acquiringReportsCancellationAsACode() async throws {
        try await withTwoClients { first, second in
            let held = try await ZooKeeperLock(first, at: "/a").acquire()
            let task = Task { try await ZooKeeperLock(second, at: "/a").acquire() }
            try await line(first, "/a", has: 2)
            task.cancel()
            do {
                _ = try await task.value
                Issue.record("had the lock")
            } catch LockError.Code.cancelled {}
            try await line(first, "/a", has: 1)
            try await held.release()
        }
    }

    // MARK: Trouble as a user meets it

    @Test func noPermissionIsSaid() async throws {
        try await withTwoClients { first, second in
            try await second.authenticate(.digest(user: "bob", password: "sesame"))
            try await second.create("/bobs", accessControl: .creatorAll)
            await expectFailure(.noAuth) { try await ZooKeeperLock(first, at: "/bobs").withLock { _ in } }
            await expectFailure(.noAuth) { try await ZooKeeperLock(first, at: "/bobs/deep/er").withLock { _ in } }
            await expectFailure(.noAuth) { try await ZooKeeperLock(first, at: "/bobs").withLockIfAvailable { _ in } }
            try await ZooKeeperLock(second, at: "/bobs").withLock { _ in }
            // Readable, but not to be written to.
            try await second.create(
                "/readable", accessControl: AccessControl([.init(.all, for: .creator), .init(.read, for: .anyone)]))
            await expectFailure(.noAuth) { try await ZooKeeperLock(first, at: "/readable").withLock { _ in } }
        }
    }

    @Test func aBadAccessControlIsSaid() async throws {
        try await withClient { client in
            var configuration = ZooKeeperLock.Configuration()
            configuration.accessControl = AccessControl([])
            let lock = ZooKeeperLock(client, at: "/a", configuration: configuration)
            await expectFailure(.invalidACL) { try await lock.withLock { _ in } }
        }
    }

    @Test func aChrootThatIsNotThereIsSaidAndNotCreated() async throws {
        let server = try ZooKeeperServer.required
        var configuration = try server.configuration
        configuration.chroot = "/not/there"
        try await ZooKeeperClient.withClient(configuration) { client in
            await expectFailure(.chrootNotFound) { try await ZooKeeperLock(client, at: "/a").withLock { _ in } }
        }
        try await ZooKeeperClient.withClient(server.configuration) { client in
            let stat = try await client.exists("/not")
            #expect(stat == nil)
        }
    }

    @Test func aClientThatDoesNotRunIsSaid() async throws {
        var configuration = try ZooKeeperServer.required.configuration
        configuration.connectTimeout = .milliseconds(100)
        let idle = try ZooKeeperClient(configuration)
        await expectFailure(.notRunning) { try await ZooKeeperLock(idle, at: "/a").withLock { _ in } }
        let closed = try await ZooKeeperClient.withClient(configuration) { client in
            _ = try await client.exists("/")
            return client
        }
        await expectFailure(.closed) { try await ZooKeeperLock(closed, at: "/a").withLock { _ in } }
        await expectFailure(.closed) { try await ZooKeeperLock(closed, at: "/a").withLockIfAvailable { _ in } }
    }

    @Test func aTimeOutHoldsWithoutAServerToo() async throws {
        var configuration: ZooKeeperConfiguration = "127.0.0.1:1"
        configuration.connectTimeout = .seconds(3_600)
        try await ZooKeeperClient.withClient(configuration) { client in
            do {
                try await ZooKeeperLock(client, at: "/a").withLock(waitingUpTo: .milliseconds(50)) { _ in }
                Issue.record("had the lock")
            } catch LockError.Code.timedOut {}
        }
    }
}
