import TestSupport
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// One thing that goes wrong at one message of a situation, and what follows.
struct Cut: Sendable, CustomStringConvertible {
    enum Action: Sendable, CaseIterable {
        /// The connection is cut in place of the message.
        case cut
        /// The request or reply is swallowed; both sides go on, until the client misses it. (Not the news of a change: that
        /// ZooKeeper sends it, or else ends the connection, is what every waiter relies on.)
        case lose
        /// Nothing passes any more, until the client gives the connection up and makes another.
        case freeze
        /// The message and all behind it are held back for a moment.
        case delay
        /// Nothing passes any more, the caller is cancelled, then everything passes.
        case cancel
    }

    enum Recovery: Sendable, CaseIterable {
        /// The client connects again.
        case reconnect
        /// It connects again, by another server of the ensemble.
        case another
        /// Nobody lets it connect until its session is over, and for longer after that than one request would wait.
        case never
    }

    var situation: Situation
    /// At which message, counted from 1; `nil`: nothing goes wrong.
    var boundary: Int?
    /// Which messages count.
    var point = RelayFault.Point.any
    var action = Action.cut
    var recovery = Recovery.reconnect

    var description: String {
        "\(situation): " + (boundary.map { "\(action) at message \($0) (\(point)), \(recovery)" } ?? "undisturbed")
    }

    /// What became of it.
    struct Outcome: Sendable {
        /// What there was to see of it on the way.
        var traffic = Traffic()
        /// What must not be.
        var faults: [String] = []
    }

    /// Short where silence must be noticed; long where nothing but the trouble itself is to end the session.
    private var sessionTimeout: Duration {
        switch (action, recovery) {
        case (.lose, _), (.freeze, _), (_, .never): .seconds(4)
        default: .seconds(30)
        }
    }

    /// Plays the situation with this trouble in it.
    ///
    /// - Parameter another: The server that the client comes back by, if it is to be another.
    func play(
        beside: ZooKeeperClient, on server: ZooKeeperServer, another: ZooKeeperServer? = nil, path: ZNodePath
    ) async throws -> Outcome {
        try await ZooKeeperRelay.withRelay(to: server) { relay in
            var configuration = try relay.configuration
            configuration.sessionTimeout = sessionTimeout
            if recovery == .never { configuration.requestTimeout = .milliseconds(500) }
            return try await ZooKeeperClient.withClient(configuration) { client in
                _ = try await client.exists("/")
                let stage = Stage(subject: client, beside: beside, path: path)
                let session = try await client.withSession { $0 }
                if recovery == .another, let another { relay.redirect(to: another) }
                let before = relay.traffic
                if let boundary { relay.inject(RelayFault(effect, at: point, number: boundary)) }
                let hasEnded = Shared(false)
                let playing = Task {
                    defer { hasEnded.withLock { $0 = true } }
                    try await situation.run(stage)
                }
                try await disturb(hasEnded, stage, relay, client, session)
                var outcome = Outcome()
                do { try await eventually("it returns") { hasEnded.value } } catch {
                    outcome.faults.append("does not return")
                    stage.cancelSubject()
                }
                if case .failure(let error) = await playing.result, !isExpected(error) {
                    outcome.faults.append("threw \(error)")
                }
                outcome.traffic = relay.traffic - before
                relay.clearFaults()
                relay.thaw()
                outcome.faults += stage.violations
                // The session lives, or another one: nothing of the subject's may stay in line, and others get in.
                do {
                    try await eventually("nobody is left in line") { try await stage.inLine() == 0 }
                    try await stage.beside.lock.withLock(waitingUpTo: .seconds(20)) { stage.inside($0) }
                } catch {
                    let names = (try? await beside.children(of: path).names) ?? []
                    outcome.faults.append("\(error); in line: \(names)")
                }
                return outcome
            }
        }
    }

    private var effect: RelayFault.Effect {
        switch action {
        case .cut: .cut
        case .lose: .lose
        case .freeze, .cancel: .freeze
        case .delay: .delay(.milliseconds(20))
        }
    }

    private func disturb(
        _ hasEnded: Shared<Bool>, _ stage: Stage, _ relay: ZooKeeperRelay, _ client: ZooKeeperClient,
        _ session: ZooKeeperSession
    ) async throws {
        guard boundary != nil else { return }
        switch (action, recovery) {
        case (.cancel, _):
            try await eventually("it has stopped there, or come so far") { relay.isFrozen || hasEnded.value }
            stage.cancelSubject()
            relay.clearFaults()
            relay.thaw()
        case (_, .never):
            try await eventually("it has happened, or come so far") { relay.pendingFaults == 0 || hasEnded.value }
            try await relay.whileRefusing {
                try await eventually("the session is over") { session.state.isFinal }
                // A waiter for a lock gives a new session a second at least.
                for _ in 0..<4 { _ = try? await client.exists("/") }
            }
        case (_, .reconnect), (_, .another): break
        }
    }

    /// Whatever goes wrong, the subject is told so by one of these.
    private func isExpected(_ error: any Error) -> Bool {
        switch error {
        case is CancellationError, LockError.Code.cancelled, ZooKeeperError.Code.cancelled:
            action == .cancel || situation.name.contains("cancelled")
        case LockError.Code.lost: boundary != nil
        // Who waits in line does so through every outage.
        case LockError.Code.unavailable: boundary != nil && !situation.name.hasPrefix("wait")
        case LockError.Code.timedOut: situation.name.contains("timed out")
        default: false
        }
    }
}

extension Traffic {
    var messages: Int { requestCount + replies + watchEvents }

    /// Each place at which something can go wrong: its kind, and its number among those of its kind.
    func boundaries(of action: Cut.Action) -> [(point: RelayFault.Point, number: Int)] {
        guard case .lose = action else { return (0..<messages).map { (.any, $0 + 1) } }
        return (0..<requestCount).map { (.anyRequest, $0 + 1) } + (0..<replies).map { (.anyReply, $0 + 1) }
    }
}
