// SPDX-License-Identifier: Apache-2.0

import InMemoryLogging
import Logging
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Locks of clients whose settings are at the end of their range.
@Suite(.timeLimit(.minutes(5))) struct ClientConfigurationTests {
    struct Extreme: Sendable, CustomStringConvertible {
        var description: String
        var configure: @Sendable (inout ZooKeeperConfiguration) -> Void

        init(_ description: String, _ configure: @escaping @Sendable (inout ZooKeeperConfiguration) -> Void) {
            self.description = description
            self.configure = configure
        }
    }

    private static let longest = Duration.seconds(Int64.max)
    private static let shortest = Duration(secondsComponent: 0, attosecondsComponent: 1)

    static let extremes: [Extreme] = [
        Extreme("nothing special") { _ in },
        Extreme("the longest session time-out") { $0.sessionTimeout = .milliseconds(Int64(Int32.max)) },
        Extreme("the longest connect time-out") { $0.connectTimeout = longest },
        Extreme("the longest request time-out") { $0.requestTimeout = longest },
        Extreme("the shortest request time-out") { $0.requestTimeout = shortest },
        Extreme("the longest lease margin") { $0.leaseMargin = longest },
        Extreme("a lease margin above the time-out") { $0.leaseMargin = .seconds(10) },
        Extreme("no lease margin") { $0.leaseMargin = .zero },
        Extreme("the longest close time-out") { $0.closeTimeout = longest },
        Extreme("no close time-out") { $0.closeTimeout = .zero },
        Extreme("never abandoned") { $0.abandonAfter = longest },
        Extreme("soon abandoned") { $0.abandonAfter = shortest },
        Extreme("the longest backoff") { $0.reconnectBackoff = Backoff(initial: longest, maximum: longest) },
        Extreme("the shortest backoff") { $0.reconnectBackoff = Backoff(initial: shortest, maximum: shortest) },
        Extreme("1 request under way") { $0.maximumRequestsUnderWay = 1 },
        Extreme("4 requests under way") { $0.maximumRequestsUnderWay = 4 },
        Extreme("8 requests under way") { $0.maximumRequestsUnderWay = 8 },
        Extreme("100 requests under way") { $0.maximumRequestsUnderWay = 100 },
        Extreme("16,384 requests under way") { $0.maximumRequestsUnderWay = 16_384 },
        Extreme("the shortest requests") { $0.maximumRequestLength = 1_024 },
        Extreme("the longest requests") { $0.maximumRequestLength = Int(Int32.max) },
        Extreme("everything at its longest") {
            $0.sessionTimeout = .milliseconds(Int64(Int32.max))
            $0.connectTimeout = longest
            $0.requestTimeout = longest
            $0.leaseMargin = longest
            $0.abandonAfter = longest
            $0.closeTimeout = longest
            $0.reconnectBackoff = Backoff(initial: longest, maximum: longest)
        },
    ]

    private let zooKeeper = InMemoryZooKeeper()

    /// Everything that the recipes do, on paths that are not there yet, alone and behind another.
    @Test(arguments: extremes) func everyRecipeWorks(_ extreme: Extreme) async throws {
        var configuration = zooKeeper.configuration
        configuration.sessionTimeout = .seconds(60)
        extreme.configure(&configuration)
        try await zooKeeper.withClient { beside in
            try await zooKeeper.withClient(configuration) { client in
                let lock = ZooKeeperLock(client, at: "/a/b/c/d/e/f/g")
                try await lock.withLock(waitingUpTo: Self.longest) { lease in
                    try lease.checkHeld()
                    #expect(try await lock.participants().map(\.path) == [lease.nodePath])
                }
                let held = try await lock.acquire(waitingUpTo: Self.longest)
                let taken: Void? = try await ZooKeeperLock(beside, at: lock.path).withLockIfAvailable { _ in }
                #expect(taken == nil)
                try await held.release()

                let other = try await ZooKeeperLock(beside, at: lock.path).acquire()
                let waiter = Task { try await lock.withLock(waitingUpTo: Self.longest) { try $0.checkHeld() } }
                try await eventually("enqueued") { try await beside.childNames(of: lock.path).count == 2 }
                try await other.release()
                try await waiter.value

                let election = ZooKeeperElection(client, at: "/e/f", configuration: .init(id: "me"))
                let terms = Shared(0)
                try await election.withTerms { _ in
                    let leader = try await election.leader()
                    #expect(leader?.id == "me")
                    let term = terms.withLock { terms in
                        terms += 1
                        return terms
                    }
                    return term < 3 ? .requeue : .resign
                }

                let shared = ZooKeeperReadWriteLock(client, at: "/r/w")
                let alone = try await shared.withReadLock { _ in
                    try await shared.withWriteLockIfAvailable { try $0.checkHeld() } != nil
                }
                #expect(alone)
                let read = try await shared.withWriteLock {
                    try $0.checkHeld()
                    return 5
                } thenReading: { lease, written in
                    try lease.checkHeld()
                    return written
                }
                #expect(read == 5)
                for path in [lock.path, election.path, shared.path] {
                    try await eventually("the queue is empty") { try await beside.childNames(of: path).count == 0 }
                }
            }
        }
    }

    /// A pipeline that is longer than the limit is sent in parts, or alone.
    @Test(arguments: [1, 4, 8, 100]) func aLongQueueCanBeListed(_ limit: Int) async throws {
        var configuration = zooKeeper.configuration
        configuration.sessionTimeout = .seconds(60)
        configuration.maximumRequestsUnderWay = limit
        try await zooKeeper.withClient(configuration) { client in
            let lock = ZooKeeperLock(client, at: "/l")
            let turns = Shared(0)
            let isOpen = Promise<Void>()
            var contenders: [Task<Void, any Error>] = []
            for _ in 0..<101 {
                contenders.append(
                    Task {
                        try await lock.withLock { _ in
                            await isOpen.wait()
                            turns.withLock { $0 += 1 }
                        }
                    })
            }
            try await eventually("all are enqueued") { try await client.childNames(of: "/l").count == 101 }
            let seen = try await lock.participants()
            #expect(seen.count == 101)
            isOpen.fulfil(())
            for contender in contenders { try await contender.value }
            #expect(turns.value == 101)
        }
    }

    // MARK: What the negotiated time-out does not allow

    @Test(arguments: [(45, 40), (10, 4)])
    func aMarginThatLeavesNoLeaseIsClampedAndThatIsSaidOnce(_ margin: Int, _ timeout: Int) async throws {
        let log = InMemoryLogHandler()
        var configuration = zooKeeper.configuration
        configuration.sessionTimeout = .seconds(timeout)
        configuration.leaseMargin = .seconds(margin)
        configuration.abandonAfter = .seconds(1)
        try await zooKeeper.withClient(configuration, logger: Logger(label: "test") { _ in log }) { client in
            let lock = ZooKeeperLock(client, at: "/l")
            for generation in 1...3 {
                let session = try await client.withSession { $0 }
                #expect(session.generation == generation)
                try await lock.withLock(waitingUpTo: patience) { try $0.checkHeld() }
                try zooKeeper.expire(session)
                try await eventually("it is over") { session.state.isFinal }
            }
        }
        let warnings = log.entries.filter { $0.level == .warning }
        #expect(warnings.count == 1, "\(warnings.map(\.message))")
        let text = warnings.first?.message.description ?? ""
        #expect(text.contains("leaseMargin") && text.contains("abandonAfter"))
    }

    @Test func settingsThatAreAllowedAreNotTalkedAbout() async throws {
        let log = InMemoryLogHandler()
        var configuration = zooKeeper.configuration
        configuration.leaseMargin = .seconds(2)
        configuration.abandonAfter = .seconds(4)
        try await zooKeeper.withClient(configuration, logger: Logger(label: "test") { _ in log }) { client in
            try await ZooKeeperLock(client, at: "/l").withLock { _ in }
        }
        #expect(log.entries.allSatisfy { $0.level < .notice })
    }

    /// Less than the time-out is no reason to give a session up that is connected.
    @Test func aConnectedSessionIsNotGivenUp() async throws {
        var configuration = zooKeeper.configuration
        configuration.sessionTimeout = .seconds(2)
        configuration.abandonAfter = .milliseconds(1)
        let beats = Shared(0)
        let client = try zooKeeper.makeClient {
            $0 = configuration
        } answering: { pending in
            if pending.isSending(.exists, at: "/") { beats.withLock { $0 += 1 } }
            return nil
        }
        try await client.run { client in
            let session = try await client.withSession { $0 }
            try await eventually("several heartbeats") { beats.value >= 4 }
            #expect(try await client.withSession { $0 } === session)
        }
    }

    // MARK: Answers that take longer than a lease

    /// First in the queue, and never in time: it lists again, but does not flood the servers.
    @Test func aContenderThatIsNeverInTimeDoesNotFloodTheServers() async throws {
        let lists = Shared(0)
        let client = try zooKeeper.makeClient {
            // A lease is good for 100 ms.
            $0.sessionTimeout = .milliseconds(200)
            $0.abandonAfter = .seconds(60)
        } answering: { pending in
            if pending.isSending(.getChildren, at: "/l") { lists.withLock { $0 += 1 } }
            return nil
        } holdingBack: { pending in
            switch (pending.request.action, pending.request.path?.string ?? "") {
            case (.create, let path) where path.hasPrefix("/l/"): .milliseconds(120)
            case (.sync, "/l"): .milliseconds(120)
            default: nil
            }
        }
        try await client.run { client in
            _ = try await client.create("/l")
            await #expect {
                try await ZooKeeperLock(client, at: "/l").withLock(waitingUpTo: .seconds(4)) { _ in }
            } throws: { LockError.Code.timedOut ~= $0 }
        }
        // Without pauses there is time for more than thirty. A slow machine does fewer.
        #expect(lists.value >= 2)
        #expect(lists.value <= 16)
    }
}
