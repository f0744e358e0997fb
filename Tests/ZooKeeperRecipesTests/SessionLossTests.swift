// SPDX-License-Identifier: Apache-2.0

import InMemoryLogging
import Logging
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Lost sessions and busy servers: many holders at once, leaders again and again, and holders whose node cannot be
/// watched.
@Suite(.timeLimit(.minutes(5))) struct SessionLossTests {
    private let zooKeeper = InMemoryZooKeeper()

    private var patientConfiguration: ZooKeeperConfiguration {
        var configuration = zooKeeper.configuration
        configuration.sessionTimeout = .seconds(600)
        return configuration
    }

    // MARK: Many at once

    /// All holders are cancelled by a handful of threads, also if their cancellation handlers block.
    @Test(arguments: [(2_000, false), (300, true)])
    func allHoldersAreToldByAHandfulOfThreads(_ count: Int, _ blocks: Bool) async throws {
        try await zooKeeper.withClient(patientConfiguration) { client in
            let session = try await client.withSession { $0 }
            let told = Shared((count: 0, threads: 0))
            let held = Shared(0)
            let holders = (0..<count).map { number in
                Task {
                    try await ZooKeeperLock(client, at: ZNodePath("/l\(number)")).withLock { _ in
                        held.withLock { $0 += 1 }
                        let isCancelled = Promise<Void>()
                        await withTaskCancellationHandler {
                            _ = await isCancelled.wait(isShielded: true)
                        } onCancel: {
                            let threads = CancellationThreads.shared.threadCount
                            told.withLock { $0 = ($0.count + 1, max($0.threads, threads)) }
                            if blocks { Self.block(for: .milliseconds(20)) }
                            isCancelled.fulfil(())
                        }
                    }
                }
            }
            try await eventually("all are held") { held.value == count }
            try zooKeeper.expire(session)
            for holder in holders {
                let result = await holder.result
                #expect { try result.get() } throws: { LockError.Code.lost ~= $0 }
            }
            #expect(told.value.count == count)
            #expect(told.value.threads <= 32)
        }
    }

    /// Keeps a thread busy, as the handlers of some users do.
    private static func block(for duration: Duration) {
        let alarm = Alarm()
        alarm.set(to: .now + duration)
        alarm.wait()
    }

    // MARK: Again and again

    #if ServiceLifecycle
    /// Another client deletes its node each time that it leads.
    @Test func aLeaderThatIsDeposedEachTimeIsRequeuedMoreAndMoreSeldom() async throws {
        try await zooKeeper.withClient(patientConfiguration) { beside in
            try await zooKeeper.withClient(patientConfiguration) { client in
                let terms = Shared(0)
                let service = LeaderService(ZooKeeperElection(client, at: "/e")) { lease in
                    terms.withLock { $0 += 1 }
                    try await beside.delete(lease.nodePath)
                    await Promise<Void>().wait()
                }
                let running = Task { try await service.run() }
                try await eventually("it has begun") { terms.value > 0 }
                // For as long as another wait takes to time out.
                let held = try await ZooKeeperLock(beside, at: "/l").acquire()
                await #expect(throws: LockError.self) {
                    try await ZooKeeperLock(client, at: "/l").withLock(waitingUpTo: .seconds(2)) { _ in }
                }
                // Without pauses there would be thousands. The pauses are at least 50, 100, 200, 400, 800 ms.
                #expect(terms.value <= 8)
                try await held.release()
                running.cancel()
                try await running.value
            }
        }
    }

    /// The leader loses its session each time that it leads.
    @Test func aLeaderWhoseSessionExpiresEachTimeDoesNotFloodTheServers() async throws {
        let requests = Shared(0)
        let client = try zooKeeper.makeClient {
            $0 = patientConfiguration
            $0.reconnectBackoff = Backoff(initial: .milliseconds(1), maximum: .milliseconds(1))
        } answering: { _ in
            requests.withLock { $0 += 1 }
            return nil
        }
        try await zooKeeper.withClient(patientConfiguration) { beside in
            try await client.run { client in
                let terms = Shared(0)
                let service = LeaderService(ZooKeeperElection(client, at: "/e")) { [zooKeeper] lease in
                    terms.withLock { $0 += 1 }
                    try zooKeeper.expire(lease.session)
                    await Promise<Void>().wait()
                }
                let running = Task { try await service.run() }
                try await eventually("it has begun") { terms.value > 0 }
                let held = try await ZooKeeperLock(beside, at: "/l").acquire()
                await #expect(throws: LockError.self) {
                    try await ZooKeeperLock(beside, at: "/l").withLock(waitingUpTo: .seconds(2)) { _ in }
                }
                #expect(terms.value >= 2)
                #expect(terms.value <= 8)
                // A session's own, the candidacy's, the watch's: no more for each than a few.
                #expect(requests.value <= 12 * 8)
                try await held.release()
                running.cancel()
                try await running.value
            }
        }
    }
    #endif

    // MARK: Heartbeats

    /// A heartbeat that the server was too busy for proves nothing: it is repeated, long before the next one is due.
    @Test(arguments: [true, false]) func aThrottledHeartbeatIsRepeated(_ hasLease: Bool) async throws {
        let beats = Shared<[ResultCode?]>([])
        let isBusy = Shared(false)
        let client = try zooKeeper.makeClient {
            // The next one is due in an hour.
            $0.sessionTimeout = .seconds(6 * 3_600)
        } answering: { pending in
            guard pending.isSending(.exists, at: "/") || pending.isSending(.sync, at: "/") else { return nil }
            let code: ResultCode? = isBusy.withLock { isBusy in
                defer { isBusy = false }
                return isBusy ? .throttled : nil
            }
            beats.withLock { $0.append(code) }
            return code
        }
        try await client.run { client in
            let session = try await client.withSession { $0 }
            let held = hasLease ? try await ZooKeeperLock(client, at: "/l").acquire() : nil
            try await eventually("the first one is answered") { beats.value == [nil] }
            isBusy.withLock { $0 = true }
            // Each connection begins with one.
            zooKeeper.cut(session)
            try await eventually("repeated") { beats.value.count == 3 }
            #expect(beats.value == [nil, .throttled, nil])
            try held?.lease.checkHeld()
            try await held?.release()
        }
    }

    // MARK: More locks than a session can watch

    @Test func aHolderWhoseNodeCannotBeWatchedLearnsThatItIsGone() async throws {
        let log = InMemoryLogHandler()
        var settings = SessionSettings(zooKeeper.configuration)
        settings.watchBudget = 0
        // Looks at it with every heartbeat.
        settings.machine.requestedTimeout = .seconds(3)
        let session = ZooKeeperSession(
            generation: 1, settings: settings, transport: zooKeeper.makeTransport(),
            logger: Logger(label: "test") { _ in log })
        session.open()
        await session.connected.wait()
        try await zooKeeper.withClient { beside in
            var leases: [LeaseCore] = []
            var contenders: [Contender] = []
            defer { withExtendedLifetime(contenders) {} }
            for path in ["/a", "/b", "/c"] as [ZNodePath] {
                let contender = Contender(
                    session: session,
                    settings: ContenderSettings(
                        at: path, dialect: .curator, policy: .exclusive, data: [], accessControl: .open), mode: .wait)
                contenders.append(contender)
                contender.start()
                guard case .value(.granted(let lease, false)) = await contender.decision.wait() else {
                    Issue.record("not granted")
                    return
                }
                contender.watchOwnNode()
                leases.append(lease)
            }
            try await eventually("it is said") { log.entries.contains { $0.level == .warning } }
            for lease in leases.dropFirst() { try await beside.delete(lease.nodePath) }
            for lease in leases.dropFirst() {
                try await eventually("lost") { lease.end.current == .some(.nodeDeleted) }
            }
            #expect(leases[0].end.current == nil)
            let warnings = log.entries.filter { $0.level == .warning }
            #expect(warnings.count == 1, "once for the session")
        }
        await session.close()
    }

    // MARK: Scopes

    /// A task that was started in an upgraded scope goes on in the reading scope around it when that has ended: it
    /// would wait for its own reader for ever.
    @Test func anUpgradedScopeThatHasEndedDoesNotHideTheReadingScope() async throws {
        try await zooKeeper.withClient(patientConfiguration) { client in
            let lock = ZooKeeperReadWriteLock(client, at: "/l")
            try await lock.withReadLock { _ in
                let isOver = Promise<Void>()
                let started = try await lock.withWriteLockIfAvailable { _ in
                    Task {
                        await isOver.wait()
                        try await lock.withWriteLock(waitingUpTo: patience) { _ in }
                    }
                }
                isOver.fulfil(())
                let inner = try #require(started)
                let result = await inner.result
                #expect { try result.get() } throws: { LockError.Code.heldByEnclosingScope ~= $0 }
                // The scope's own task may still try.
                let again: Void? = try await lock.withWriteLockIfAvailable { _ in }
                #expect(again != nil)
            }
        }
    }
}
