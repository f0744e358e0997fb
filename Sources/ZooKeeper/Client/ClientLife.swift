// SPDX-License-Identifier: Apache-2.0

/// The decisions about the life of a client: when it opens a session, and what a caller is told that finds none. A value
/// without clocks, tasks and sessions.
package struct ClientLife: Sendable, Hashable {
    package enum Phase: Sendable, Hashable {
        /// `run()` has not been called.
        case idle
        case running
        /// No other session is opened; the last one is being closed.
        case stopping
        case stopped
    }

    package private(set) var phase = Phase.idle
    /// The number of sessions that have been opened.
    package private(set) var generation = 0
    /// Tells whether there ever was a connection.
    package private(set) var hasConnected = false
    /// The end of the last session, until another is connected.
    package private(set) var lastLoss: LossReason?
    /// The number of sessions in a row that came to nothing: never connected, or lost at once.
    package private(set) var failures = 0
    private var isRetiring = false
    private var hasReportedClamped = false

    package init() {}

    /// Tells whether nothing new may be held.
    package var isClosing: Bool { isRetiring || phase == .stopping || phase == .stopped }

    /// Tells whether it is to open a session, now or after a pause.
    package var opensSessions: Bool { phase == .running }

    /// Begins to run.
    ///
    /// - Returns: `false` if it has been run or closed before.
    package mutating func run() -> Bool {
        guard phase == .idle else { return false }
        phase = .running
        return true
    }

    /// Lets nothing new be held, although sessions and requests go on.
    package mutating func retire() { isRetiring = true }

    /// Opens no other session.
    package mutating func stop() { if phase == .running { phase = .stopping } }

    /// Closes it.
    ///
    /// - Returns: `true` if it has never been run, so that nothing is left to be stopped.
    package mutating func close() -> Bool {
        guard phase == .idle else {
            stop()
            return false
        }
        phase = .stopped
        return true
    }

    /// Nothing of it goes on.
    package mutating func finish() { phase = .stopped }

    // MARK: Sessions

    /// Opens a session.
    ///
    /// - Returns: Its number, counted from 1, and whether it must not let anything be held; `nil` if it is too late.
    package mutating func openSession() -> (generation: Int, isRetiring: Bool)? {
        guard phase == .running else { return nil }
        generation += 1
        return (generation, isRetiring)
    }

    /// A session is connected for the first time.
    package mutating func connected() {
        hasConnected = true
        lastLoss = nil
    }

    /// A session has ended, or is not waited for any longer.
    ///
    /// - Parameter connectedFor: The time since it was connected; `nil` if it never was.
    package mutating func sessionEnded(connectedFor: Duration?) {
        // One that is lost at once, again and again, is no success.
        let isSuccess = connectedFor.map { $0 >= .seconds(1) } ?? false
        failures = isSuccess ? 1 : failures + 1
    }

    /// Notes why a session ended.
    package mutating func note(_ loss: LossReason) { lastLoss = loss }

    /// Says which settings the servers do not allow: once.
    ///
    /// - Returns: `true` the first time.
    package mutating func reportsClamped() -> Bool {
        defer { hasReportedClamped = true }
        return !hasReportedClamped
    }

    // MARK: Without a session

    /// The time for which a caller waits for a session.
    ///
    /// - Parameters:
    ///   - connectTimeout: The limit before there was any connection.
    ///   - requestTimeout: The limit of a request, which counts from then on.
    ///   - least: The least time, if there was a session before.
    package func patience(connectTimeout: Duration, requestTimeout: Duration, least: Duration) -> Duration {
        hasConnected ? max(requestTimeout, least) : connectTimeout
    }

    /// The error for a caller that has waited for a session, or cannot get one.
    ///
    /// - Parameters:
    ///   - servers: The servers, for people.
    ///   - hasCredentials: Tells whether the client shows any.
    package func absence(
        of servers: String, hasCredentials: Bool, findings: [ServerFinding] = []
    ) -> ZooKeeperError {
        let causes = (lastLoss.map { [$0.description] } ?? []) + findings.map(\.description)
        let reason = causes.isEmpty ? "" : ": \(causes.joined(separator: "; "))"
        switch (phase, lastLoss) {
        case (.stopped, _): return ZooKeeperError(.closed)
        case (.idle, _):
            return ZooKeeperError(.notRunning, message: "run() has not been called on this client")
        case (_, .authenticationFailed):
            let what =
                hasCredentials
                ? "refused the credentials" : "want clients to authenticate, and this one has no credentials"
            return ZooKeeperError(.authenticationFailed, message: "the servers (\(servers)) \(what)")
        default:
            return hasConnected
                ? ZooKeeperError(.connectionLoss, message: "no new session yet; tried \(servers)\(reason)")
                : ZooKeeperError(.connectTimeout, message: "tried \(servers)\(reason)")
        }
    }
}
