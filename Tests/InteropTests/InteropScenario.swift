// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// All recipes that two libraries have in common, under one fault.
struct InteropScenario: Sendable {
    let environment: InteropEnvironment
    let peers: PeerRoles
    let fault: Fault

    /// Runs it for each recipe, `copies` times at once.
    func run(_ copies: Int) async throws {
        switch fault {
        case .none:
            try await environment.withProcess(peers.holder) { holder in
                try await environment.withProcess(peers.waiter) { waiter in
                    try await handOver(pairs(holder, waiter, copies))
                }
            }
        case .contended:
            try await environment.withProcess(peers.holder) { first in
                try await environment.withProcess(peers.waiter) { second in
                    try await ContentionScenario(scenario: self).run(first, second, rounds: 10 * copies)
                }
            }
        case .holderKilled, .holderFrozen:
            try await InteropEnvironment.withVictim(peers.holder, on: environment.server.connectString) { victim in
                try await environment.withProcess(peers.waiter) { waiter in
                    let pairs = try await pairs(victim, waiter, copies)
                    try await fault == .holderKilled ? killHolder(pairs, victim) : freezeHolder(pairs, victim)
                }
            }
        case .waiterKilled, .waiterFrozen:
            try await environment.withProcess(peers.holder) { holder in
                try await InteropEnvironment.withVictim(peers.waiter, on: environment.server.connectString) { victim in
                    let pairs = try await pairs(holder, victim, copies)
                    try await fault == .waiterKilled
                        ? killWaiter(pairs, victim) : freezeWaiter(pairs, victim)
                }
            }
        case .waiterEvicted:
            try await environment.withProcess(peers.holder) { holder in
                try await environment.withProcess(peers.waiter) { waiter in
                    try await evictWaiter(pairs(holder, waiter, copies))
                }
            }
        case .serverRestarted:
            try await ZooKeeperServer.withServer { server in
                // A server that is not ready yet may accept a connection and never answer; the relay lets no connection
                // through before it serves.
                try await ZooKeeperRelay.withRelay(to: server) { relay in try await restart(server, relay, copies) }
            }
        }
    }

    private func restart(_ server: ZooKeeperServer, _ relay: ZooKeeperRelay, _ copies: Int) async throws {
        let timeout = Duration.seconds(30)
        var configuration = try relay.configuration
        configuration.sessionTimeout = timeout
        try await ZooKeeperClient.withClient(configuration) { observer in
            try await InteropEnvironment.withVictim(peers.holder, on: relay.connectString, sessionTimeout: timeout) {
                holder in
                try await InteropEnvironment.withVictim(
                    peers.waiter, on: relay.connectString, sessionTimeout: timeout
                ) { waiter in
                    try await restartServer(pairs(holder, waiter, copies, (server, observer))) {
                        try await relay.whileRefusing {
                            await server.kill()
                            try await server.restart()
                        }
                    }
                }
            }
        }
    }

    // MARK: Faults

    private func handOver(_ pairs: [LockPair]) async throws {
        try await each(pairs) { pair in
            try await pair.grant(pair.holder)
            try await pair.wait(pair.waiter, behind: 1)
            try await pair.workInTurn(pair.holder)
            try await pair.release(pair.holder)
            try await pair.workOnce(pair.waiter)
            try await pair.isEmpty()
        }
    }

    /// Brings each pair to the point where its holder holds and works, and its waiter waits.
    private func hold(_ pairs: [LockPair]) async throws -> [LockPair] {
        try await each(pairs) { pair in
            try await pair.grant(pair.holder)
            try await pair.workInTurn(pair.holder)
            try await pair.wait(pair.waiter, behind: 1)
        }
    }

    private func killHolder(_ pairs: [LockPair], _ victim: PeerProcess) async throws {
        let alive = try await hold(pairs)
        victim.kill()
        try await each(alive) { pair in
            try await pair.workOnce(pair.waiter)
            try await pair.isEmpty()
        }
    }

    private func freezeHolder(_ pairs: [LockPair], _ victim: PeerProcess) async throws {
        let held = try await hold(pairs)
        victim.freeze()
        let lost = try await each(held) { pair in
            try await pair.grant(pair.waiter)
            try await pair.workInTurn(pair.waiter)
        }
        victim.thaw()
        try await each(lost) { pair in
            try await pair.workLate(pair.holder)
            try await pair.workInTurn(pair.waiter)
            // Its answer does not matter: it has lost the lock.
            _ = try await pair.holder.ask("release")
            try await pair.release(pair.waiter)
            // It can go on afterwards.
            try await pair.workOnce(pair.holder)
            try await pair.isEmpty()
        }
    }

    private func killWaiter(_ pairs: [LockPair], _ victim: PeerProcess) async throws {
        let waiting = try await each(pairs) { pair in try await pair.enqueueAll() }
        victim.kill()
        try await each(waiting) { pair in
            try await pair.waiterHasLeft()
            try await pair.release(pair.holder)
            try await pair.workOnce(pair.third)
            try await pair.isEmpty()
        }
    }

    private func freezeWaiter(_ pairs: [LockPair], _ victim: PeerProcess) async throws {
        let waiting = try await each(pairs) { pair in try await pair.enqueueAll() }
        victim.freeze()
        let passed = try await each(waiting) { pair in
            try await pair.waiterHasLeft()
            try await pair.release(pair.holder)
            try await pair.grant(pair.third)
        }
        victim.thaw()
        try await each(passed) { pair in try await pair.waiterReturns() }
    }

    /// An operator deletes the waiter's node.
    private func evictWaiter(_ pairs: [LockPair]) async throws {
        try await each(pairs) { pair in
            try await pair.enqueueAll()
            try await pair.evict(1)
            try await pair.release(pair.holder)
            try await pair.grant(pair.third)
            try await pair.waiterReturns()
        }
    }

    private func restartServer(_ pairs: [LockPair], _ restart: () async throws -> Void) async throws {
        let held = try await each(pairs) { pair in
            try await pair.grant(pair.holder)
            try await pair.wait(pair.waiter, behind: 1)
        }
        try await restart()
        try await each(held) { pair in
            // Curator's elections resign when the connection is suspended; no other recipe has to.
            if try await !pair.work(pair.holder), pair.holder.peer == .ours {
                throw PeerViolation(.ours, "lost the lock to a restart within its session")
            }
            _ = try await pair.holder.ask("release")
            try await pair.workOnce(pair.waiter)
            try await pair.isEmpty()
        }
    }

    // MARK: Bookkeeping

    private func pairs(
        _ holder: PeerProcess, _ waiter: PeerProcess, _ copies: Int,
        _ place: (server: ZooKeeperServer, observer: ZooKeeperClient)? = nil
    ) async throws -> [LockPair] {
        var pairs: [LockPair] = []
        for recipes in RecipeRoles.all(peers.peer) {
            count(copies, recipes)
            for _ in 0..<copies {
                pairs.append(
                    try await LockPair(
                        recipes, holder, waiter, place?.server ?? environment.server,
                        place?.observer ?? environment.observer
                    ) { kind, peer in
                        report(kind, by: peer, recipes)
                    })
            }
        }
        return pairs
    }

    /// Runs `body` for all pairs at once.
    ///
    /// - Returns: The pairs without a violation.
    @discardableResult
    private func each(
        _ pairs: [LockPair], _ body: @escaping @Sendable (LockPair) async throws -> Void
    ) async throws -> [LockPair] {
        try await forAll(pairs) { pair in
            do {
                try await body(pair)
                return pair
            } catch let violation as PeerViolation {
                report(violation.what, by: violation.by, pair.recipes)
                return nil
            } catch let never as ConditionTimeout where peers.isAlone {
                report("never: \(never.what)", by: peers.peer, pair.recipes)
                return nil
            }
        }
        .compactMap { $0 }
    }

    func count(_ rounds: Int, _ recipes: RecipeRoles) {
        environment.matrix.add(rounds, row(recipes), isAlone: peers.isAlone)
    }

    /// Counts a violation in the matrix, and records an issue: unless it is a known one of the peer, or the peer ran
    /// alone.
    func report(_ kind: String, by peer: Peer, _ recipes: RecipeRoles) {
        environment.matrix.add(kind, by: peer, row(recipes), isAlone: peers.isAlone)
        if peers.isAlone || KnownIssues.contains(peer, for: kind, fault, isVictim: isVictim(peer)) { return }
        Issue.record(
            """
            \(peer.rawValue): \(kind) (\(recipes.recipe): \(recipes.holder), then \(recipes.waiter); \(peers); \
            \(fault.rawValue))
            """)
    }

    /// Returns `true` if the fault hits `peer`, and not the other library.
    private func isVictim(_ peer: Peer) -> Bool {
        switch fault {
        case .none, .contended, .serverRestarted: false
        case .holderKilled, .holderFrozen: peer == peers.holder
        case .waiterKilled, .waiterFrozen, .waiterEvicted: peer == peers.waiter
        }
    }

    private func row(_ recipes: RecipeRoles) -> Matrix.Row {
        Matrix.Row(recipe: recipes.recipe, peer: peers.peer, fault: fault.rawValue)
    }
}
