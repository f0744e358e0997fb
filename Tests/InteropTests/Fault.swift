import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// What happens while two meet.
enum Fault: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case none = "handed over"
    case contended = "contended"
    case holderKilled = "holder killed"
    case holderFrozen = "holder frozen"
    case waiterKilled = "waiter killed"
    case waiterEvicted = "waiter's node deleted"
    case serverRestarted = "server restarted"

    var testDescription: String { rawValue }
}

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
            try await Company.withVictim(pairing.holder, on: company.server) { victim in
                try await company.withProcess(pairing.waiter) { waiter in
                    let meetings = try await meetings(victim, waiter, copies)
                    try await fault == .holderKilled ? killHolder(meetings, victim) : freezeHolder(meetings, victim)
                }
            }
        case .waiterKilled:
            try await company.withProcess(pairing.holder) { holder in
                try await Company.withVictim(pairing.waiter, on: company.server) { victim in
                    try await killWaiter(meetings(holder, victim, copies), holder, victim)
                }
            }
        case .waiterEvicted:
            try await company.withProcess(pairing.holder) { holder in
                try await company.withProcess(pairing.waiter) { waiter in
                    try await evictWaiter(meetings(holder, waiter, copies), holder)
                }
            }
        case .serverRestarted:
            try await ZooKeeperServer.withServer { server in
                var configuration = try server.configuration
                configuration.sessionTimeout = .seconds(30)
                try await ZooKeeperClient.withClient(configuration) { onlooker in
                    try await Company.withVictim(pairing.holder, on: server, sessionTimeout: .seconds(30)) { holder in
                        try await Company.withVictim(pairing.waiter, on: server, sessionTimeout: .seconds(30)) {
                            waiter in
                            try await restartServer(meetings(holder, waiter, copies, onlooker), server)
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
            try await meeting.grant(meeting.waiter)
            try await meeting.workInTurn(meeting.waiter)
            try await meeting.release(meeting.waiter)
            try await meeting.isEmpty()
        }
    }

    private func killHolder(_ meetings: [Meeting], _ victim: PeerProcess) async throws {
        let alive = try await each(meetings) { meeting in
            try await meeting.grant(meeting.holder)
            try await meeting.workInTurn(meeting.holder)
            try await meeting.wait(meeting.waiter, behind: 1)
        }
        victim.kill()
        try await each(alive) { meeting in
            try await meeting.grant(meeting.waiter)
            try await meeting.workInTurn(meeting.waiter)
            try await meeting.release(meeting.waiter)
            try await meeting.isEmpty()
        }
    }

    private func freezeHolder(_ meetings: [Meeting], _ victim: PeerProcess) async throws {
        let held = try await each(meetings) { meeting in
            try await meeting.grant(meeting.holder)
            try await meeting.workInTurn(meeting.holder)
            try await meeting.wait(meeting.waiter, behind: 1)
        }
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
            try await meeting.grant(meeting.holder)
            try await meeting.workInTurn(meeting.holder)
            try await meeting.release(meeting.holder)
            try await meeting.isEmpty()
        }
    }

    /// Somebody waits behind the waiter that is killed.
    private func killWaiter(_ meetings: [Meeting], _ holder: PeerProcess, _ victim: PeerProcess) async throws {
        let thirds = Shared<[String: RemoteContender]>([:])
        let waiting = try await each(meetings) { meeting in
            // The same as the holder, so that the victim is in its way.
            let third = try await holder.contender(meeting.slot.holder, at: meeting.line.path)
            thirds.withLock { $0[meeting.holder.name] = third }
            try await meeting.grant(meeting.holder)
            try await meeting.wait(meeting.waiter, behind: 1)
            try await meeting.wait(third, behind: 2)
        }
        victim.kill()
        try await each(waiting) { meeting in
            try await eventually("the dead waiter's session expires") { try await meeting.line.count() == 2 }
            try await meeting.workInTurn(meeting.holder)
            try await meeting.release(meeting.holder)
            guard let third = thirds.value[meeting.holder.name] else { return }
            try await meeting.grant(third)
            try await meeting.workInTurn(third)
            try await meeting.release(third)
            try await meeting.isEmpty()
        }
    }

    /// An operator deletes the waiter's node; somebody waits behind it.
    private func evictWaiter(_ meetings: [Meeting], _ holder: PeerProcess) async throws {
        try await each(meetings) { meeting in
            let third = try await holder.contender(meeting.slot.holder, at: meeting.line.path)
            try await meeting.grant(meeting.holder)
            try await meeting.wait(meeting.waiter, behind: 1)
            try await meeting.wait(third, behind: 2)
            try await meeting.evict(1)
            try await meeting.release(meeting.holder)
            try await meeting.grant(third)
            try await eventually("the waiter is in line again, or believes that it has the lock") {
                try await meeting.line.count() == 2 || meeting.hasAnswered(meeting.waiter)
            }
            // What it believes is judged while the other holds the lock.
            if meeting.hasAnswered(meeting.waiter) { try await meeting.grant(meeting.waiter) }
            try await meeting.workInTurn(third)
            try await meeting.release(third)
            if meeting.isWaiting(meeting.waiter) {
                try await meeting.grant(meeting.waiter)
                try await meeting.workInTurn(meeting.waiter)
                try await meeting.release(meeting.waiter)
            }
            try await meeting.isEmpty()
        }
    }

    private func restartServer(_ meetings: [Meeting], _ server: ZooKeeperServer) async throws {
        let held = try await each(meetings) { meeting in
            try await meeting.grant(meeting.holder)
            try await meeting.wait(meeting.waiter, behind: 1)
        }
        await server.kill()
        try await server.restart()
        try await each(held) { meeting in
            // Curator's elections give way when the connection is suspended; nobody else need.
            if try await !meeting.work(meeting.holder), meeting.holder.peer == .ours {
                throw Trouble(.ours, "lost the lock to a restart within its session")
            }
            _ = try await meeting.holder.ask("release")
            try await meeting.grant(meeting.waiter)
            try await meeting.workInTurn(meeting.waiter)
            try await meeting.release(meeting.waiter)
            try await meeting.isEmpty()
        }
    }

    // MARK: Bookkeeping

    private func meetings(
        _ holder: PeerProcess, _ waiter: PeerProcess, _ copies: Int, _ onlooker: ZooKeeperClient? = nil
    ) async throws -> [Meeting] {
        var meetings: [Meeting] = []
        for slot in Slot.all(pairing.peer) {
            count(copies, slot)
            for _ in 0..<copies {
                meetings.append(
                    try await Meeting(slot, holder, waiter, onlooker ?? company.onlooker) { kind, peer in
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
            }
        }
        .compactMap { $0 }
    }

    func count(_ rounds: Int, _ slot: Slot) { company.matrix.add(rounds, row(slot), isAlone: pairing.isAlone) }

    /// Writes it down, and lets the test fail unless the peer is known for it.
    func complain(_ kind: String, by peer: Peer, _ slot: Slot) {
        company.matrix.add(kind, by: peer, row(slot), isAlone: pairing.isAlone)
        if peer == .ours || !Reputation.isKnown(peer, for: kind, fault) {
            Issue.record(
                "\(peer.rawValue): \(kind) (\(slot.recipe): \(slot.holder), then \(slot.waiter); \(pairing); \(fault.rawValue))"
            )
        }
    }

    private func row(_ slot: Slot) -> Matrix.Row {
        Matrix.Row(recipe: slot.recipe, peer: pairing.peer, fault: fault.rawValue)
    }
}
