// SPDX-License-Identifier: Apache-2.0

// The life of a client: one session after another until it is closed, and closing it.

public import Logging
import Synchronization

#if ServiceLifecycle
import ServiceLifecycle
#endif

extension ZooKeeperClient {
    /// Runs the client: to be called once, for as long as it is used.
    ///
    /// Returns when its task is cancelled, on the graceful shutdown of its `ServiceGroup`, and after ``close()``; by
    /// then the session is closed, which takes up to 6 s if the servers are silent. It never gives up on its own:
    /// while no server can be reached, it goes on trying. A second call only waits for the first to return.
    ///
    /// **No lock is given away under a running body.** From the moment of the cancellation nothing new can be held,
    /// and the bodies of scopes that hold a lock or use a session are cancelled. Until the last of them has ended and
    /// its node is gone, the session lives: locks stay held, and requests, ``ZooKeeperOperations`` as well as those of
    /// leases, go on working. This waits for that for ``ZooKeeperConfiguration/closeTimeout``; past it, it returns
    /// with a warning that names what is held, and the session goes on until its last body has ended or the process
    /// ends.
    public func run() async {
        guard begin() else {
            await stopped.wait()
            return
        }
        #if ServiceLifecycle
        await withGracefulShutdownHandler {
            await runUntilStopped()
        } onGracefulShutdown: {
            self.stop()
        }
        #else
        await runUntilStopped()
        #endif
    }

    /// Runs a client for as long as `body` runs. For scripts, tests and tools; services use ``run()``.
    ///
    /// - Parameters:
    ///   - configuration: The servers and time-outs. A connect string will do.
    ///   - logger: The log.
    ///   - isolation: The isolation of `body`: the caller's.
    ///   - body: Uses the client. Runs in the caller's isolation. When the caller is cancelled, the client goes on
    ///     until `body` has ended; but nothing new can be held then, and the bodies of scopes are cancelled.
    /// - Returns: The result of `body`, after the session is closed as by ``close()``.
    /// - Throws: The error of `body`, or ``ZooKeeperError`` with code `invalidConfiguration`.
    @discardableResult
    public static func withClient<Success>(
        _ configuration: ZooKeeperConfiguration,
        logger: Logger = .current,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (ZooKeeperClient) async throws -> Success
    ) async throws -> Success {
        let client = try ZooKeeperClient(configuration, logger: logger)
        return try await client.run(during: body)
    }

    /// Runs the client for as long as `body` runs.
    package func run<Success>(
        isolation: isolated (any Actor)? = #isolation,
        during body: (ZooKeeperClient) async throws -> Success
    ) async throws -> Success {
        // It is being run already.
        guard begin() else { return try await body(self) }
        // Not a child task: it must go on until the body has ended, also when the caller is cancelled.
        let running = Task { await self.runUntilStopped() }
        let result: Result<Success, any Error>
        do {
            result = .success(
                try await whileNotShutDown {
                    _ = isolation
                    return try await body(self)
                })
        } catch {
            result = .failure(error)
        }
        stop()
        await running.value
        return try result.get()
    }

    /// - Returns: `true` if it is the caller who runs the client.
    private func begin() -> Bool {
        state.withLock { $0.life.run() }
    }

    private func runUntilStopped() async {
        let follower = configuration.followsEnsemble ? Task { await self.followEnsemble() } : nil
        defer { follower?.cancel() }
        await withTaskCancellationHandler {
            while true {
                let life = state.withLock { $0.life }
                guard life.opensSessions else { break }
                if life.failures > 0 {
                    let delay = configuration.reconnectBackoff.delay(beforeAttempt: life.failures)
                    logger.debug("Waiting to open a session", metadata: [LogKeys.delay: "\(delay)"])
                    if case .timedOut = await shutdown.wait(until: .now + delay) {} else { break }
                }
                let connectedFor = await runSession()
                state.withLock { $0.life.sessionEnded(connectedFor: connectedFor) }
            }
        } onCancel: {
            stop()
        }
        finish()
    }

    /// Ends the client: there will be no other session.
    private func finish() {
        let arrival = state.withLock { state in
            state.life.finish()
            return state.arrival
        }
        arrival.fulfil(nil)
        feed.send(.closed, isLast: true)
        stopped.fulfil(())
    }

    private func stop() {
        let latest = state.withLock { state in
            state.life.stop()
            return state.latest
        }
        latest?.beginClose()
        shutdown.fulfil(())
    }

    /// Refuses new holds from now on, and cancels bodies. Sessions and requests go on.
    private func retire() {
        let latest = state.withLock { state in
            state.life.retire()
            return state.latest
        }
        latest?.retire()
    }

    /// Closes the client: ``run()`` returns, and this does when it has.
    ///
    /// As the cancellation of ``run()``: bodies that hold something are cancelled, and nothing is given away before
    /// they have ended; this waits for them for ``ZooKeeperConfiguration/closeTimeout``. Inside such a body it does
    /// not wait, for that body would wait for itself. Also returns when the calling task is cancelled. Calling it
    /// again is harmless. A client that is closed before ``run()`` is called never runs.
    public func close() async {
        if state.withLock({ $0.life.close() }) { return finish() }
        stop()
        let latest = state.withLock { $0.latest }
        if let latest, ScopeLineage.isInside(ObjectIdentifier(latest)) { return }
        await stopped.wait()
    }

    /// Opens a session and waits for its end.
    ///
    /// - Returns: The time for which it was connected; `nil` if it never was.
    private func runSession() async -> Duration? {
        let session = openSession()
        guard let session else { return nil }
        let limit = ContinuousClock.now + configuration.connectTimeout
        guard case .value(true) = await session.connected.wait(until: limit, isShielded: true) else {
            // Not a word from any server: closes it, and resolves the names anew for the next attempt.
            let findings = session.findings
            await session.close()
            let isStopping = state.withLock { state in
                state.findings = findings
                if case .lost(let reason)? = session.ended.current { state.life.note(reason) }
                return !state.life.opensSessions
            }
            if !isStopping { logNoServer() }
            return nil
        }
        let arrival = state.withLock { state in
            state.session = session
            state.findings = []
            state.life.connected()
            return state.arrival
        }
        arrival.fulfil(session)
        let connectedAt = ContinuousClock.now
        logSession(session)
        logClampedSettings(of: session)
        await waitForEndOrShutdown(of: session)
        if case .lost(let reason) = session.ended.current {
            forget(session)
            if reason == .abandoned { await sayFarewell(to: session) }
            logger.info(
                "Session lost",
                metadata: [
                    LogKeys.sessionGeneration: "\(session.generation)", LogKeys.sessionID: "\(session.idText)",
                    LogKeys.reason: "\(reason)",
                ])
        } else {
            // Its owner closes it: goes on when nothing is left of it. Until then a body that is ending may use it.
            let held = await session.closeIfFree()
            if held.isEmpty {
                forget(session)
            } else {
                logger.warning(
                    """
                    The client is closed, but bodies that hold locks or use its session have not ended. The session stays open \
                    until they end, or until this process exits
                    """,
                    metadata: [LogKeys.locks: "\(names(of: held))"])
            }
        }
        return connectedAt.duration(to: .now)
    }

    /// A caller that waits for a connection, however long it takes, says nothing: a wrong address should be seen.
    func logNoServer() {
        let error = noSessionError
        logger.info("No server answered; retrying", metadata: [LogKeys.reason: "\(error.message ?? "\(error)")"])
    }

    private func names(of held: [ZNodePath]) -> String {
        held.map { $0.isRoot ? "(a body of withSession)" : $0.string }.joined(separator: ", ")
    }

    /// Waits until the session has ended, or the client is being shut down.
    private func waitForEndOrShutdown(of session: ZooKeeperSession) async {
        let isDone = Promise<Void>()
        session.ended.whenFulfilled { _ in isDone.fulfil(()) }
        let callback = shutdown.whenFulfilled { isDone.fulfil(()) }
        await isDone.wait(isShielded: true)
        shutdown.forget(callback)
    }

    /// A new session is news where another was lost.
    private func logSession(_ session: ZooKeeperSession) {
        logger.log(
            level: session.generation > 1 ? .info : .debug, "Session established",
            metadata: [
                LogKeys.sessionGeneration: "\(session.generation)", LogKeys.sessionID: "\(session.idText)",
                LogKeys.server: "\(session.server?.description ?? "")", LogKeys.timeout: "\(session.timeout)",
            ])
    }

    private func logClampedSettings(of session: ZooKeeperSession) {
        guard let words = session.clampedSettings else { return }
        guard state.withLock({ $0.life.reportsClamped() }) else { return }
        logger.warning("A setting does not fit the negotiated session time-out: \(words)")
    }

    /// Takes a session that is over out of use. Called by the first to notice it.
    func forget(_ session: ZooKeeperSession) {
        state.withLock { state in
            guard state.session === session else { return }
            state.session = nil
            state.arrival = Promise()
            // One that outlived the client: there is no other.
            if state.life.phase == .stopped { state.arrival.fulfil(nil) }
            if case .lost(let reason)? = session.ended.current { state.life.note(reason) }
        }
    }

    /// Shows `credential` in every later session.
    ///
    /// - Returns: `true` if it was not known before.
    func remember(_ credential: Credential) -> Bool {
        state.withLock { state in
            if state.credentials.contains(credential) { return false }
            state.credentials.append(credential)
            return true
        }
    }

    /// Does not show `credential` in any later session.
    func forget(_ credential: Credential) {
        state.withLock { state in state.credentials.removeAll { $0 == credential } }
    }

    private func openSession() -> ZooKeeperSession? {
        state.withLock { state in
            guard let (generation, isRetiring) = state.life.openSession() else { return nil }
            var configuration = configuration
            configuration.credentials = state.credentials
            configuration.servers = state.servers
            let session = ZooKeeperSession(
                generation: generation,
                settings: SessionSettings(configuration),
                transport: makeTransport(configuration, logger),
                logger: logger,
                instruments: instruments
            ) { [feed, logger] sessionState in
                // `closed` is the client's last word, not a session's.
                if sessionState != .closed { feed.send(sessionState, isLast: false) }
                BackgroundLog.write(logger, .debug, "Session state", [LogKeys.state: "\(sessionState)"])
            }
            state.latest = session
            if isRetiring { session.retire() }
            session.open()
            return session
        }
    }

    /// Runs `body`, and retires when the current task is cancelled or its service is shut down.
    private func whileNotShutDown<Success>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Success
    ) async throws -> Success {
        try await withTaskCancellationHandler {
            _ = isolation
            #if ServiceLifecycle
            return try await withGracefulShutdownHandler {
                _ = isolation
                return try await body()
            } onGracefulShutdown: {
                self.retire()
            }
            #else
            return try await body()
            #endif
        } onCancel: {
            self.retire()
        }
    }
}
