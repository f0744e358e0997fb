// SPDX-License-Identifier: Apache-2.0

import TestSupport
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// A fault at one message of a scenario, and the recovery from it.
struct FaultPoint: Sendable, CustomStringConvertible {
    enum Action: Sendable, CaseIterable {
        /// The connection is cut in place of the message.
        case cut
        /// The request or reply is swallowed; both sides go on, until the client misses it. (Not the news of a change:
        /// that ZooKeeper sends it, or else ends the connection, is what every waiter relies on.)
        case lose
        /// No message passes any more, until the client gives the connection up and makes another.
        case freeze
        /// The message and all behind it are held back for a moment.
        case delay
        /// No message passes any more, the caller is cancelled, then all pass.
        case cancel
    }

    enum Recovery: Sendable, CaseIterable {
        /// The client connects again.
        case reconnect
        /// The client connects again, to another server of the ensemble.
        case another
        /// The client cannot connect until its session is over, and for longer after that than one request would wait.
        case never
    }

    var scenario: Scenario
    /// The number of the message, counted from 1; `nil` for no fault.
    var boundary: Int?
    /// The kind of messages that count.
    var point = RelayFault.Point.any
    var action = Action.cut
    var recovery = Recovery.reconnect

    var description: String {
        "\(scenario): " + (boundary.map { "\(action) at message \($0) (\(point)), \(recovery)" } ?? "undisturbed")
    }

    /// The result of a run.
    struct Report: Sendable {
        /// The messages that passed the relay.
        var traffic = Traffic()
        /// The violations: none, if the library is right.
        var violations: [String] = []
    }

    /// The session time-out: short where silence must be noticed; long where only the fault itself is to end the
    /// session.
    private var sessionTimeout: Duration {
        switch (action, recovery) {
        case (.lose, _), (.freeze, _), (_, .never): .seconds(4)
        default: .seconds(30)
        }
    }

    /// Runs the scenario with this fault in it.
    ///
    /// - Parameter another: The server that the client reconnects to, if it is to be another.
    func run(
        beside: ZooKeeperClient, on server: ZooKeeperServer, another: ZooKeeperServer? = nil, path: ZNodePath
    ) async throws -> Report {
        try await ZooKeeperRelay.withRelay(to: server) { relay in
            var configuration = try relay.configuration
            configuration.sessionTimeout = sessionTimeout
            if recovery == .never { configuration.requestTimeout = .milliseconds(500) }
            return try await ZooKeeperClient.withClient(configuration) { client in
                _ = try await client.exists("/")
                let fixture = Fixture(subject: client, beside: beside, path: path)
                let session = try await client.withSession { $0 }
                if recovery == .another, let another { relay.redirect(to: another) }
                let before = relay.traffic
                if let boundary { relay.inject(RelayFault(effect, at: point, number: boundary)) }
                let hasEnded = Shared(false)
                let running = Task {
                    defer { hasEnded.withLock { $0 = true } }
                    try await scenario.run(fixture)
                }
                try await disturb(hasEnded, fixture, relay, client, session)
                var report = Report()
                do { try await eventually("it returns") { hasEnded.value } } catch {
                    report.violations.append("does not return")
                    fixture.cancelSubject()
                }
                if case .failure(let error) = await running.result, !isExpected(error) {
                    report.violations.append("threw \(error)")
                }
                report.traffic = relay.traffic - before
                relay.clearFaults()
                relay.thaw()
                report.violations += fixture.violations
                // In this session or the next: no node of the subject may stay in the queue, and others get the lock.
                do {
                    try await eventually("the queue is empty, and others get the lock") {
                        guard try await fixture.queueLength() == 0 else { return false }
                        do {
                            try await fixture.beside.lock.withLock(waitingUpTo: .seconds(20)) {
                                fixture.checkExclusion($0)
                            }
                            return true
                        } catch let error as LockError where error.code == .mixedKinds {
                            // The node of a cancelled candidate, which had not been created yet: it goes as soon as it comes.
                            return false
                        }
                    }
                } catch {
                    let names = (try? await beside.children(of: path).names) ?? []
                    report.violations.append("\(error); in the queue: \(names)")
                }
                return report
            }
        }
    }

    private var effect: RelayFault.Effect {
        switch action {
        case .cut: .cut
        case .lose: .drop
        case .freeze, .cancel: .freeze
        case .delay: .delay(.milliseconds(20))
        }
    }

    private func disturb(
        _ hasEnded: Shared<Bool>, _ fixture: Fixture, _ relay: ZooKeeperRelay, _ client: ZooKeeperClient,
        _ session: ZooKeeperSession
    ) async throws {
        guard boundary != nil else { return }
        switch (action, recovery) {
        case (.cancel, _):
            try await eventually("it has stopped there, or come so far") { relay.isFrozen || hasEnded.value }
            fixture.cancelSubject()
            relay.clearFaults()
            relay.thaw()
        case (_, .never):
            try await eventually("it has happened, or come so far") { relay.pendingFaults == 0 || hasEnded.value }
            try await relay.whileRefusing {
                try await eventually("the session is over") { session.state.isFinal }
                // A waiter for a lock waits at least a second for a new session.
                for _ in 0..<4 { _ = try? await client.exists("/") }
            }
        case (_, .reconnect), (_, .another): break
        }
    }

    /// Returns `true` if the subject may throw this error because of the fault.
    private func isExpected(_ error: any Error) -> Bool {
        switch error {
        case is CancellationError, LockError.Code.cancelled, ZooKeeperError.Code.cancelled:
            action == .cancel || scenario.name.contains("cancelled")
        case LockError.Code.lost: boundary != nil
        // A waiter waits through every outage.
        case LockError.Code.unavailable: boundary != nil && !scenario.name.hasPrefix("wait")
        case LockError.Code.timedOut: scenario.name.contains("timed out")
        default: false
        }
    }
}

extension Traffic {
    var messages: Int { requestCount + replies + watchEvents }

    /// Returns each message at which the fault can hit: its kind, and its number among those of its kind.
    func boundaries(of action: FaultPoint.Action) -> [(point: RelayFault.Point, number: Int)] {
        guard case .lose = action else { return (0..<messages).map { (.any, $0 + 1) } }
        return (0..<requestCount).map { (.anyRequest, $0 + 1) } + (0..<replies).map { (.anyReply, $0 + 1) }
    }
}
