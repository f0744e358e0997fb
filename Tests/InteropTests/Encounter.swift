import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// All recipes that two have in common, under one fault.
struct Encounter: Sendable {
    let company: Company
    let pairing: Pairing
    let fault: Fault

    /// Plays it once for each recipe, `copies` times at once.
    func play(_ copies: Int) async throws {
        switch fault {
        case .none:
            try await company.withProcess(pairing.holder) { holder in
                try await company.withProcess(pairing.waiter) { waiter in
                    try await handOver(meetings(holder, waiter, copies))
                }
            }
        case .contended:
            try await company.withProcess(pairing.holder) { first in
                try await company.withProcess(pairing.waiter) { second in
                    try await Contest(encounter: self).play(first, second, rounds: 10 * copies)
                }
            }
        case .holderKilled, .holderFrozen:
            try await Company.withVictim(pairing.holder, on: company.server.connectString) { victim in
                try await company.withProcess(pairing.waiter) { waiter in
                    let meetings = try await meetings(victim, waiter, copies)
                    try await fault == .holderKilled ? killHolder(meetings, victim) : freezeHolder(meetings, victim)
                }
            }
        case .waiterKilled, .waiterFrozen:
            try await company.withProcess(pairing.holder) { holder in
                try await Company.withVictim(pairing.waiter, on: company.server.connectString) { victim in
                    let meetings = try await meetings(holder, victim, copies)
                    try await fault == .waiterKilled
                        ? killWaiter(meetings, victim) : freezeWaiter(meetings, victim)
                }
            }
        case .waiterEvicted:
            try await company.withProcess(pairing.holder) { holder in
                try await company.withProcess(pairing.waiter) { waiter in
                    try await evictWaiter(meetings(holder, waiter, copies))
                }
            }
        case .serverRestarted:
            try await ZooKeeperServer.withServer { server in
                // A server that is not ready yet may accept a connection and never answer; the relay does not let anybody
                // through before it serves.
                try await ZooKeeperRelay.withRelay(to: server) { relay in try await restart(server, relay, copies) }
            }
        }
    }

    private func restart(_ server: ZooKeeperServer, _ relay: ZooKeeperRelay, _ copies: Int) async throws {
        let timeout = Duration.seconds(30)
        var configuration = try relay.configuration
        configuration.sessionTimeout = timeout
        try await ZooKeeperClient.withClient(configuration) { onlooker in
            try await Company.withVictim(pairing.holder, on: relay.connectString, sessionTimeout: timeout) { holder in
                try await Company.withVictim(
                    pairing.waiter, on: relay.connectString, sessionTimeout: timeout
                ) { waiter in
                    try await restartServer(meetings(holder, waiter, copies, (server, onlooker))) {
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

    private func handOver(_ meetings: [Meeting]) async throws {
        try await each(meetings) { meeting in
            try await meeting.grant(meeting.holder)
            try await meeting.wait(meeting.waiter, behind: 1)
            try await meeting.workInTurn(meeting.holder)
            try await meeting.release(meeting.holder)
            try await meeting.workOnce(meeting.waiter)
            try await meeting.isEmpty()
        }
    }

    /// One holds and works, and one waits.
    private func hold(_ meetings: [Meeting]) async throws -> [Meeting] {
        try await each(meetings) { meeting in
            try await meeting.grant(meeting.holder)
            try await meeting.workInTurn(meeting.holder)
            try await meeting.wait(meeting.waiter, behind: 1)
        }
    }

    private func killHolder(_ meetings: [Meeting], _ victim: PeerProcess) async throws {
        let alive = try await hold(meetings)
        victim.kill()
        try await each(alive) { meeting in
            try await meeting.workOnce(meeting.waiter)
            try await meeting.isEmpty()
        }
    }

    private func freezeHolder(_ meetings: [Meeting], _ victim: PeerProcess) async throws {
        let held = try await hold(meetings)
        victim.freeze()
        let lost = try await each(held) { meeting in
            try await meeting.grant(meeting.waiter)
            try await meeting.workInTurn(meeting.waiter)
        }
        victim.thaw()
        try await each(lost) { meeting in
            try await meeting.workLate(meeting.holder)
            try await meeting.workInTurn(meeting.waiter)
            // It may say what it likes of a lock that it has lost.
            _ = try await meeting.holder.ask("release")
            try await meeting.release(meeting.waiter)
            // It can go on afterwards.
            try await meeting.workOnce(meeting.holder)
            try await meeting.isEmpty()
        }
    }

    private func killWaiter(_ meetings: [Meeting], _ victim: PeerProcess) async throws {
        let waiting = try await each(meetings) { meeting in try await meeting.standInLine() }
        victim.kill()
        try await each(waiting) { meeting in
            try await meeting.hasLeftTheLine()
            try await meeting.release(meeting.holder)
            try await meeting.workOnce(meeting.third)
            try await meeting.isEmpty()
        }
    }

    private func freezeWaiter(_ meetings: [Meeting], _ victim: PeerProcess) async throws {
        let waiting = try await each(meetings) { meeting in try await meeting.standInLine() }
        victim.freeze()
        let passed = try await each(waiting) { meeting in
            try await meeting.hasLeftTheLine()
            try await meeting.release(meeting.holder)
            try await meeting.grant(meeting.third)
        }
        victim.thaw()
        try await each(passed) { meeting in try await meeting.comeBack() }
    }

    /// An operator deletes the waiter's node.
    private func evictWaiter(_ meetings: [Meeting]) async throws {
        try await each(meetings) { meeting in
            try await meeting.standInLine()
            try await meeting.evict(1)
            try await meeting.release(meeting.holder)
            try await meeting.grant(meeting.third)
            try await meeting.comeBack()
        }
    }

    private func restartServer(_ meetings: [Meeting], _ restart: () async throws -> Void) async throws {
        let held = try await each(meetings) { meeting in
            try await meeting.grant(meeting.holder)
            try await meeting.wait(meeting.waiter, behind: 1)
        }
        try await restart()
        try await each(held) { meeting in
            // Curator's elections give way when the connection is suspended; nobody else need.
            if try await !meeting.work(meeting.holder), meeting.holder.peer == .ours {
                throw Trouble(.ours, "lost the lock to a restart within its session")
            }
            _ = try await meeting.holder.ask("release")
            try await meeting.workOnce(meeting.waiter)
            try await meeting.isEmpty()
        }
    }

    // MARK: Bookkeeping

    private func meetings(
        _ holder: PeerProcess, _ waiter: PeerProcess, _ copies: Int,
        _ place: (server: ZooKeeperServer, onlooker: ZooKeeperClient)? = nil
    ) async throws -> [Meeting] {
        var meetings: [Meeting] = []
        for slot in Slot.all(pairing.peer) {
            count(copies, slot)
            for _ in 0..<copies {
                meetings.append(
                    try await Meeting(
                        slot, holder, waiter, place?.server ?? company.server, place?.onlooker ?? company.onlooker
                    ) { kind, peer in
                        complain(kind, by: peer, slot)
                    })
            }
        }
        return meetings
    }

    /// Goes on with all meetings at once.
    ///
    /// - Returns: Those in which nothing was wrong.
    @discardableResult
    private func each(
        _ meetings: [Meeting], _ body: @escaping @Sendable (Meeting) async throws -> Void
    ) async throws -> [Meeting] {
        try await forAll(meetings) { meeting in
            do {
                try await body(meeting)
                return meeting
            } catch let trouble as Trouble {
                complain(trouble.what, by: trouble.by, meeting.slot)
                return nil
            } catch let never as NeverCame where pairing.isAlone {
                complain("never: \(never.what)", by: pairing.peer, meeting.slot)
                return nil
            }
        }
        .compactMap { $0 }
    }

    func count(_ rounds: Int, _ slot: Slot) { company.matrix.add(rounds, row(slot), isAlone: pairing.isAlone) }

    /// Writes it down, and lets the test fail: unless the peer is known for it, or among its own.
    func complain(_ kind: String, by peer: Peer, _ slot: Slot) {
        company.matrix.add(kind, by: peer, row(slot), isAlone: pairing.isAlone)
        if pairing.isAlone || Reputation.isKnown(peer, for: kind, fault, isVictim: isVictim(peer)) { return }
        Issue.record(
            """
            \(peer.rawValue): \(kind) (\(slot.recipe): \(slot.holder), then \(slot.waiter); \(pairing); \
            \(fault.rawValue))
            """)
    }

    /// Whether something is done to `peer`, and not to the other.
    private func isVictim(_ peer: Peer) -> Bool {
        switch fault {
        case .none, .contended, .serverRestarted: false
        case .holderKilled, .holderFrozen: peer == pairing.holder
        case .waiterKilled, .waiterFrozen, .waiterEvicted: peer == pairing.waiter
        }
    }

    private func row(_ slot: Slot) -> Matrix.Row {
        Matrix.Row(recipe: slot.recipe, peer: pairing.peer, fault: fault.rawValue)
    }
}
