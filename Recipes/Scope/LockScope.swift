// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization
import ZooKeeper

/// One way to hold one queue, in a scope or by hand: what all recipes do with their position.
struct LockScope: Sendable {
    let client: ZooKeeperClient
    let settings: ContenderSettings
    /// Shows the position in the queue, if the caller wants to see it.
    var position: QueuePosition?
    /// Tells whether the removal of the own node is to be noticed from the first moment. A short hold need not pay for
    /// that: it costs a read, which otherwise is made when the hold turns out to be long.
    var watchesAtOnce = false
    /// The event that a release waits for.
    var release = LockRelease.acknowledged
    /// Cancels the body when another client requests revocation.
    var cancelsBodyOnRevocationRequest = false
    /// The time after which the body is cancelled.
    var holdLimit: Duration?

    // MARK: Scopes

    /// Waits for its turn, runs `body` while it is held, releases it.
    func run<Success>(
        waitingUpTo limit: Duration?, isolation: isolated (any Actor)?, _ body: (LockLease) async throws -> Success
    ) async throws -> Success {
        if let outer = try entered() { return try await enterAgain(outer, body) }
        return try await hold(try await wait(upTo: limit), body)
    }

    /// Runs `body` if no participant is in the way; `nil` if one is. A reader may become the writer so, if it is the
    /// only one.
    func runIfAvailable<Success>(
        waitingUpTo limit: Duration? = nil, isolation: isolated (any Actor)?,
        _ body: (LockLease) async throws -> Success
    ) async throws -> Success? {
        let holding: Acquisition.Holding?
        try acquisition.requireTime(limit)
        do {
            switch EnclosingLock.find(key, settings.policy.kind) {
            case .mine(let outer): return try await enterAgain(outer, body)
            case .anothers: throw LockError(.heldByEnclosingScope, path: path)
            case .reading(let lease):
                try lease.checkHeld()
                holding = try await acquisition.attempt(within: limit, beside: lease.core)
            case .free: holding = try await acquisition.attempt(within: limit)
            }
        } catch let error as LockError {
            throw Self.forScope(error)
        }
        position?.finish()
        guard let holding else { return nil }
        return try await hold(holding, body)
    }

    /// Waits for its turn.
    func wait(upTo limit: Duration?) async throws -> Acquisition.Holding {
        defer { position?.finish() }
        let deadline = limit.map { ContinuousClock.now + $0.bounded }
        try acquisition.requireTime(limit)
        do {
            return try await acquisition.wait(until: deadline)
        } catch {
            throw Self.forScope(error)
        }
    }

    /// Gives up its position, takes a new one at the end of the queue, and waits for its turn.
    func wait(
        replacing holding: Acquisition.Holding, upTo limit: Duration? = nil
    ) async throws -> Acquisition.Holding {
        // From here on the old node may go without that being a loss.
        if let loss = holding.lease.close(release: {}) {
            holding.contender.release()
            holding.contender.endHolding()
            throw LockError(.lost, path: path, loss: loss)
        }
        defer {
            // The new contender has seen to it.
            holding.contender.nodeWasExchanged()
            holding.contender.endHolding()
        }
        do {
            let deadline = limit.map { ContinuousClock.now + $0.bounded }
            return try await acquisition.wait(until: deadline, replacing: holding)
        } catch {
            throw Self.forScope(error)
        }
    }

    // MARK: By hand

    /// Waits for its turn, and returns what is held, to be released by hand.
    func acquire(waitingUpTo limit: Duration?) async throws(LockError) -> HeldLock {
        defer { position?.finish() }
        guard case .free = EnclosingLock.find(key, settings.policy.kind) else {
            throw LockError(.heldByEnclosingScope, path: path)
        }
        let deadline = limit.map { ContinuousClock.now + $0.bounded }
        try acquisition.requireTime(limit)
        let holding = try await acquisition.wait(until: deadline)
        if !holding.isWatched { holding.contender.watchOwnNode() }
        return HeldLock(holding, release: release, logger: client.logger)
    }

    /// Takes the lock if no participant is in the way, to be released by hand; `nil` if one is.
    func acquireIfAvailable(waitingUpTo limit: Duration?) async throws(LockError) -> HeldLock? {
        guard case .free = EnclosingLock.find(key, settings.policy.kind) else {
            throw LockError(.heldByEnclosingScope, path: path)
        }
        try acquisition.requireTime(limit)
        guard let holding = try await acquisition.attempt(within: limit) else { return nil }
        if !holding.isWatched { holding.contender.watchOwnNode() }
        return HeldLock(holding, release: release, logger: client.logger)
    }

    // MARK: Inside

    /// The directory of the queue.
    var path: ZNodePath { settings.directory }

    private var key: EnclosingLock.Key { EnclosingLock.Key(client: ObjectIdentifier(client), settings: settings) }

    private var acquisition: Acquisition { Acquisition(client: client, settings: settings, position: position) }

    /// As ``enclosing()``; also ends the updates of the position if there is such a scope, or an error.
    func entered() throws(LockError) -> LockLease? {
        do {
            let outer = try enclosing()
            if outer != nil { position?.finish() }
            return outer
        } catch {
            position?.finish()
            throw error
        }
    }

    /// The lease of the scope around the current task, if that may be entered again.
    func enclosing() throws(LockError) -> LockLease? {
        switch EnclosingLock.find(key, settings.policy.kind) {
        case .free: return nil
        case .mine(let lease): return lease
        case .anothers, .reading: throw LockError(.heldByEnclosingScope, path: path)
        }
    }

    /// Runs `body` while it is held, releases it.
    func hold<Success>(
        _ holding: Acquisition.Holding,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (LockLease) async throws -> Success
    ) async throws -> Success {
        let outcome = await inside(holding, body)
        return try finish(outcome, await holding.release(release, client.logger))
    }

    /// Runs `body` while it is held, and keeps it.
    func inside<Success>(
        _ holding: Acquisition.Holding,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (LockLease) async throws -> Success
    ) async -> Result<Success, any Error> {
        let scope = LockLease.Scope()
        let lease = LockLease(holding.lease, scope)
        let cancellation = BodyCancellation()
        holding.lease.end.whenFulfilled { loss in if loss != nil { cancellation.cancel() } }
        if cancelsBodyOnRevocationRequest {
            holding.lease.revocationRequested.whenFulfilled { isAsked in if isAsked { cancellation.cancel() } }
        }
        // A session that is closed lives until the body has ended.
        let session = holding.contender.session
        let callback = session.retiring.whenFulfilled { cancellation.cancel() }
        defer { session.retiring.forget(callback) }
        var timer: Deadlines.Deadline?
        if !holding.isWatched, watchesAtOnce {
            holding.contender.watchOwnNode()
        } else if !holding.isWatched {
            let delay = min(session.heartbeatInterval, .milliseconds(200))
            timer = Deadlines.shared.schedule(at: .now + delay) { [contender = holding.contender] in
                contender.watchOwnNode()
            }
        }
        let holdLimit = holdLimit.map { HoldLimit($0, cancellation) }
        let lock = EnclosingLock(key: key, kind: settings.policy.kind, lease: lease)
        let outcome = await withRevocableScope(cancellation, owner: ObjectIdentifier(session), content: lock) {
            // Before the task is gone: another may get its identity.
            defer { scope.close() }
            return try await body(lease)
        }
        timer?.cancel()
        guard let holdLimit, holdLimit.end() else { return outcome }
        return outcome.mapError { LockError(.heldTooLong, path: path, bodyError: $0) }
    }

    /// Returns to the caller the result of a body, or throws, depending on how the lock ended.
    func finish<Success>(_ outcome: Result<Success, any Error>, _ end: Acquisition.Holding.End) throws -> Success {
        var bodyError: (any Error)?
        if case .failure(let error) = outcome { bodyError = error }
        switch end {
        case .released: return try outcome.get()
        case .lost(let loss): throw LockError(.lost, path: path, loss: loss, bodyError: bodyError)
        case .refused(let error):
            throw LockError(.notReleased, path: path, underlying: error, bodyError: bodyError)
        }
    }

    func enterAgain<Success>(
        _ outer: LockLease,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (LockLease) async throws -> Success
    ) async throws -> Success {
        // Held by this task, but perhaps not any more.
        try outer.checkHeld()
        let scope = LockLease.Scope()
        defer { scope.close() }
        return try await body(LockLease(outer.core, scope))
    }

    /// Scopes report the cancellation of their caller as Swift does.
    static func forScope(_ error: LockError) -> any Error {
        error.code == .cancelled ? CancellationError() : error
    }
}

/// The limit of a hold: cancels its body when the time is up.
private final class HoldLimit: Sendable {
    private let timer: Deadlines.Deadline
    private let hasPassed: HasPassed

    private final class HasPassed: Sendable {
        let value = Atomic(false)
    }

    init(_ limit: Duration, _ cancellation: BodyCancellation) {
        let hasPassed = HasPassed()
        self.hasPassed = hasPassed
        timer = Deadlines.shared.schedule(at: .now + limit) {
            hasPassed.value.store(true, ordering: .relaxed)
            cancellation.cancel()
        }
    }

    /// The body has ended.
    ///
    /// - Returns: `true` if its time was up before.
    func end() -> Bool {
        timer.cancel()
        return hasPassed.value.load(ordering: .relaxed)
    }
}

extension Acquisition.Holding {
    /// The end of a lock that was held.
    enum End {
        case released
        case lost(LockLoss)
        /// The servers refuse to delete its node.
        case refused(ZooKeeperError)
    }

    /// Lets go of the lock and waits until its node is gone, or the lock cannot be held any longer anyway.
    func release(_ mode: LockRelease, _ logger: Logger) async -> End {
        let loss = lease.close { contender.release() }
        contender.endHolding()
        // A lost lock's node is removed too, but nobody need wait for it.
        if let loss { return .lost(loss) }
        guard mode == .acknowledged else { return .released }
        switch await contender.removed.wait(until: lease.session.leasesExpireBy.instant, isShielded: true) {
        case .value(.done): break
        case .value(.refused(let error)): return .refused(error)
        case .timedOut, .cancelled:
            logger.warning(
                """
                A lock is released, and its node is not deleted yet: the servers have not answered. It is deleted as soon as \
                they do; if they do not, it goes with the session
                """, metadata: [LogKeys.lockPath: "\(lease.lockPath)", LogKeys.path: "\(lease.nodePath)"])
        }
        return .released
    }
}
