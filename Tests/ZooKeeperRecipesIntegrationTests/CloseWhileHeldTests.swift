// SPDX-License-Identifier: Apache-2.0

import InMemoryLogging
import Logging
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Clients that end in good order while bodies hold locks in them: no lock is released before its body has ended.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct CloseWhileHeldTests {
    private func configuration(closeTimeout: Duration? = nil) async throws -> ZooKeeperConfiguration {
        let server = try ZooKeeperServer.required
        var configuration = try server.configuration
        configuration.chroot = try await server.makeDirectory()
        configuration.closeTimeout = closeTimeout
        // So long that a busy machine loses no lease, and yet some heartbeats can be waited for.
        configuration.sessionTimeout = .seconds(12)
        return configuration
    }

    @discardableResult
    private func require<Value>(_ promise: Promise<Value>) async throws -> Value {
        try #require(await promise.wait(until: .now + patience).value)
    }

    /// Holds a lock in a client that ends, with another client's contender behind it; `body` runs when the holder's
    /// body has been told, and has not ended.
    private func whileEnding(
        _ end: ClientEnd, _ configuration: ZooKeeperConfiguration, logger: Logger = Logger(label: "test"),
        _ body: (EndingHolder, LockLease, _ granted: Promise<ContinuousClock.Instant>, _ beside: ZooKeeperClient)
            async throws
            -> Void
    ) async throws {
        let holder = EndingHolder()
        try await ZooKeeperServer.required.withClient(in: configuration.chroot) { beside in
            let running = Task { try await holder.run(configuration, logger, end) }
            let lease = try await require(holder.lease)
            let granted = Promise<ContinuousClock.Instant>()
            let waiting = Task {
                try await ZooKeeperLock(beside, at: "/lock").withLock { _ in granted.fulfil(.now) }
            }
            try await eventually("enqueued") { try await ZooKeeperLock(beside, at: "/lock").participants().count == 2 }
            holder.end.fulfil(())
            try await require(holder.isTold)
            try await body(holder, lease, granted, beside)
            holder.mayEnd.fulfil(())
            _ = try await waiting.value
            let bodyEnded = try #require(holder.bodyEnded.value)
            let next = try #require(granted.current)
            #expect(bodyEnded <= next)
            // The body has returned before any loss: its caller gets its result.
            try await running.value
        }
    }

    /// The body needs as long as it likes: the lock is its own, and all of it works.
    @Test(arguments: ClientEnd.allCases) func theLockIsKeptUntilTheBodyHasEnded(_ end: ClientEnd) async throws {
        let configuration = try await configuration()
        try await whileEnding(end, configuration) { holder, lease, granted, beside in
            try lease.checkHeld()
            try await lease.verify()
            try await lease.transaction([Create("/by-lease")])
            let client = try await require(holder.client)
            try await client.create("/by-client")
            try await client.withBodyOfItsOwn { try await $0.create("/by-session") }
            // New calls get neither a lock nor a session.
            for _ in 0..<2 {
                await #expect { try await ZooKeeperLock(client, at: "/other").withLock { _ in } } throws: {
                    ZooKeeperError.Code.closed ~= $0
                }
            }
            await #expect { try await client.withSession { _ in } } throws: { ZooKeeperError.Code.closed ~= $0 }
            let first = try await ZooKeeperLock(beside, at: "/lock").participants().first
            #expect(first?.path == lease.nodePath)
            #expect(granted.current == nil)
            #expect(holder.ended.current == nil)
        }
    }

    /// The call returns when its bound has passed, with one warning, and the lock is kept all the same.
    @Test(arguments: [ClientEnd.runIsCancelled, .clientIsClosed]) func theBoundIsForTheCallerOnly(
        _ end: ClientEnd
    ) async throws {
        let log = InMemoryLogHandler()
        let configuration = try await configuration(closeTimeout: .milliseconds(50))
        let outlived = Promise<(ZooKeeperClient, ZooKeeperSession)>()
        try await whileEnding(end, configuration, logger: Logger(label: "test") { _ in log }) {
            holder, lease, granted, beside in
            try await require(holder.ended)
            let warnings = log.entries.filter { $0.level >= .warning }
            #expect(warnings.map { $0.metadata["zookeeper.locks"] } == ["\(lease.nodePath)"])
            // Over several heartbeats.
            for _ in 0..<3 {
                let expiry = lease.expiresBy
                try await eventually("a heartbeat") { lease.expiresBy > expiry }
            }
            try await lease.verify()
            #expect(granted.current == nil)
            let client = try await require(holder.client)
            #expect(try await client.exists("/lock") != nil)
            outlived.fulfil((client, lease.session))
        }
        // Then it is closed like any other.
        let (client, session) = try await require(outlived)
        #expect(try await require(session.ended) == .closed)
        await #expect { try await client.get("/") } throws: { ZooKeeperError.Code.closed ~= $0 }
        await #expect { try await ZooKeeperLock(client, at: "/lock").withLock { _ in } } throws: {
            ZooKeeperError.Code.closed ~= $0
        }
    }

    /// A lock that is held by hand counts until it is released or dropped.
    @Test(arguments: [true, false]) func aHeldLockCounts(_ isReleased: Bool) async throws {
        let configuration = try await configuration(closeTimeout: .milliseconds(50))
        try await ZooKeeperServer.required.withClient(in: configuration.chroot) { beside in
            let client = try ZooKeeperClient(configuration)
            let running = Task { await client.run() }
            var held: HeldLock? = try await ZooKeeperLock(client, at: "/lock").acquire()
            let session = try #require(held).lease.session
            await client.close()
            await running.value
            #expect(try await ZooKeeperLock(beside, at: "/lock").participants().count == 1)
            try held?.lease.checkHeld()
            if isReleased { try await held?.release() }
            held = nil
            #expect(try await require(session.ended) == .closed)
            #expect(try await ZooKeeperLock(beside, at: "/lock").participants() == [])
        }
    }

    @Test(.timeLimit(.minutes(1))) func closingInsideABodyDoesNotWaitForIt() async throws {
        let server = try ZooKeeperServer.required
        try await server.withClient { client in
            let result = try await ZooKeeperLock(client, at: "/a").withLock { lease in
                await client.close()
                // Cancelled, by another thread.
                _ = await Promise<Void>().wait()
                try lease.checkHeld()
                return 1
            }
            #expect(result == 1)
        }
        try await server.withClient { client in
            let state = try await client.withSession { session in
                await client.close()
                return session.state
            }
            #expect(!state.isFinal)
        }
    }

    /// A body that does not mind being cancelled gives no reason to hurry; one that does ends with its cancellation.
    @Test func aCallerThatWasCancelledIsToldThat() async throws {
        let configuration = try await configuration()
        let isHeld = Promise<Void>()
        let task = Task {
            try await ZooKeeperClient.withClient(configuration) { client in
                try await ZooKeeperLock(client, at: "/lock").withLock { _ in
                    isHeld.fulfil(())
                    try await Task.sleep(for: .seconds(3_600))
                }
            }
        }
        try await require(isHeld)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test(arguments: [true, false]) func aWaiterIsTold(_ isCancelled: Bool) async throws {
        let configuration = try await configuration()
        try await ZooKeeperServer.required.withClient(in: configuration.chroot) { beside in
            try await ZooKeeperLock(beside, at: "/lock").withLock { _ in
                let client = try ZooKeeperClient(configuration)
                let running = Task { await client.run() }
                let waiting = Task { try await ZooKeeperLock(client, at: "/lock").withLock { _ in } }
                try await eventually("enqueued") {
                    try await ZooKeeperLock(beside, at: "/lock").participants().count == 2
                }
                if isCancelled { waiting.cancel() }
                await client.close()
                let result = await waiting.result
                #expect {
                    try result.get()
                } throws: {
                    isCancelled ? $0 is CancellationError : ZooKeeperError.Code.closed ~= $0
                }
                #expect(try await ZooKeeperLock(beside, at: "/lock").participants().count == 1)
                await running.value
            }
        }
    }

    /// No other client writes between writing and reading, also if the client is closed meanwhile.
    @Test func aWriterGoesOnAsAReader() async throws {
        let configuration = try await configuration()
        try await ZooKeeperServer.required.withClient(in: configuration.chroot) { beside in
            let client = try ZooKeeperClient(configuration)
            let running = Task { await client.run() }
            let lock = ZooKeeperReadWriteLock(client, at: "/lock")
            let closing = Shared<Task<Void, Never>?>(nil)
            let kinds = try await lock.withWriteLock { _ in
                closing.withLock { $0 = Task { await client.close() } }
                _ = await Promise<Void>().wait()
            } thenReading: { lease, _ in
                // Cancelled, by another thread.
                _ = await Promise<Void>().wait()
                try lease.checkHeld()
                return try await Task {
                    try await ZooKeeperReadWriteLock(beside, at: "/lock").participants().map(\.kind)
                }
                .value
            }
            #expect(kinds == [.shared])
            await closing.value?.value
            await running.value
            #expect(try await ZooKeeperReadWriteLock(beside, at: "/lock").participants() == [])
        }
    }

    /// Ephemeral nodes of a session's body are there until it has ended.
    @Test func aSessionLivesUntilItsBodyHasEnded() async throws {
        let configuration = try await configuration()
        try await ZooKeeperServer.required.withClient(in: configuration.chroot) { beside in
            let mayEnd = Promise<Void>()
            let isTold = Promise<Void>()
            let task = Task {
                try await ZooKeeperClient.withClient(configuration) { client in
                    try await client.withSession { session in
                        try await session.create("/here", mode: .ephemeral)
                        _ = await Promise<Void>().wait()
                        isTold.fulfil(())
                        await mayEnd.wait(isShielded: true)
                    }
                }
            }
            try await eventually("there") { try await beside.exists("/here") != nil }
            task.cancel()
            try await require(isTold)
            #expect(try await beside.exists("/here") != nil)
            mayEnd.fulfil(())
            try await task.value
            #expect(try await beside.exists("/here") == nil)
        }
    }

    @Test func aClientThatIsClosedBeforeItRunsNeverRuns() async throws {
        let client = try await ZooKeeperClient(configuration())
        await client.close()
        await client.run()
        #expect(client.sessionState == .closed)
        await #expect { try await client.get("/") } throws: { ZooKeeperError.Code.closed ~= $0 }
    }
}

extension ZooKeeperClient {
    /// Uses the session in use, as a body that began before does.
    fileprivate func withBodyOfItsOwn(_ body: (ZooKeeperSession) async throws -> some Sendable) async throws {
        _ = try await body(try await session())
    }
}
