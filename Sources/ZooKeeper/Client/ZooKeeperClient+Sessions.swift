// SPDX-License-Identifier: Apache-2.0

// The session in use: for operations, for recipes, for the bodies of scopes.

import Synchronization

extension ZooKeeperClient {
    /// The session in use, or the next one.
    ///
    /// - Parameters:
    ///   - limit: Until when to wait for one; `nil`: as long as an operation would.
    ///   - leastPatience: The least time to wait, before `limit`, if there was a session before.
    package func session(
        until limit: ContinuousClock.Instant? = nil, patience leastPatience: Duration = .zero
    ) async throws(ZooKeeperError) -> ZooKeeperSession {
        if let session = state.withLock({ $0.session }) {
            if !session.isEnding { return session }
            forget(session)
        }
        let (arrival, life) = state.withLock { ($0.arrival, $0.life) }
        let patience = life.patience(
            connectTimeout: configuration.connectTimeout, requestTimeout: requestTimeout, least: leastPatience)
        let deadline = min(limit ?? .now + patience, .now + patience)
        switch await arrival.wait(until: deadline) {
        case .value(let session?): return session
        case .value(nil): throw ZooKeeperError(.closed)
        case .cancelled: throw ZooKeeperError(.cancelled)
        case .timedOut: throw noSessionError
        }
    }

    package var requestTimeout: Duration { configuration.requestTimeout ?? configuration.sessionTimeout }

    var noSessionError: ZooKeeperError {
        let (life, servers, hasCredentials, findings) = state.withLock { state in
            (state.life, state.servers, !state.credentials.isEmpty, state.findings)
        }
        return life.absence(
            of: servers.map(\.description).joined(separator: ", "), hasCredentials: hasCredentials,
            findings: (state.withLock { $0.latest }?.findings).flatMap { $0.isEmpty ? nil : $0 } ?? findings)
    }

    /// Runs `body` with the session in use, and cancels it when that session is lost, or the client is closed: a
    /// session that is closed lives until `body` has ended.
    ///
    /// The caller is not cancelled. `body` does not escape, need not be Sendable and runs in the caller's isolation.
    ///
    /// - Returns: The result of `body`, if it returned before the session was lost.
    /// - Throws: The error of `body`; ``ZooKeeperError`` with code `sessionLost` (or the reason for which there is no
    ///   session), if the session was lost first: after `body` has ended. `closed` if the client is being closed, or
    ///   `CancellationError` if that is because the caller is cancelled.
    @discardableResult
    public func withSession<Success>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: (ZooKeeperSession) async throws -> Success
    ) async throws -> Success {
        let session = try await session()
        guard let hold = session.beginHold(at: .root) else {
            if Task.isCancelled { throw CancellationError() }
            throw ZooKeeperError(.closed)
        }
        let cancellation = BodyCancellation()
        let callbacks = (
            session.ended.whenFulfilled { _ in cancellation.cancel() },
            session.retiring.whenFulfilled { cancellation.cancel() }
        )
        defer {
            session.ended.forget(callbacks.0)
            session.retiring.forget(callbacks.1)
            session.endHold(hold)
        }
        let outcome = await withRevocableScope(cancellation, owner: ObjectIdentifier(session)) {
            try await body(session)
        }
        if cancellation.isCancelled, let state = session.ended.current {
            throw session.endError(state, execution: .unknown).located { $0.generation = session.generation }
        }
        return try outcome.get()
    }
}
