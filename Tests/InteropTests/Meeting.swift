import Synchronization
import TestSupport
import ZooKeeper
import ZooKeeperTesting

/// A holder and a waiter at one path, and what they do to each other.
final class Meeting: Sendable {
    private static let counter = Atomic(0)

    let slot: Slot
    let holder: RemoteContender
    let waiter: RemoteContender
    /// One more like the holder, and in its process.
    let third: RemoteContender
    let line: Line
    let store = FencedStore()
    private let waiting = Shared<[String: Promise<PeerProcess.Answer>]>([:])
    /// Who was granted the lock before we asked.
    private let early = Shared<Set<String>>([])
    private let tokens = Shared<[String: Zxid]>([:])
    let complain: @Sendable (_ kind: String, _ by: Peer) -> Void

    /// - Parameter complain: Is told what somebody does that they should not.
    init(
        _ slot: Slot, _ holder: PeerProcess, _ waiter: PeerProcess, _ server: ZooKeeperServer,
        _ onlooker: ZooKeeperClient,
        complain: @escaping @Sendable (String, Peer) -> Void
    ) async throws {
        let path = ZNodePath.root.child("meeting-\(Self.counter.add(1, ordering: .relaxed).newValue)").child("line")
        self.slot = slot
        self.line = Line(server: server, client: onlooker, path: path)
        self.complain = complain
        self.holder = try await holder.contender(slot.holder, at: path)
        self.waiter = try await waiter.contender(slot.waiter, at: path)
        self.third = try await holder.contender(slot.holder, at: path)
    }

    /// `contender` gets the lock; now if it is free, or when it is, if it has stood in line.
    func grant(_ contender: RemoteContender) async throws {
        if early.withLock({ $0.remove(contender.name) }) != nil { return }
        let pending = waiting.withLock { $0.removeValue(forKey: contender.name) } ?? contender.begin("acquire")
        let answer = try await contender.answer(to: "acquire", pending)
        guard answer.word == "acquired" else { throw Trouble(contender.peer, "acquire: \(answer.word) \(answer.text)") }
        let (node, inTheWay) = try await line.judge(contender, answer)
        guard let node else {
            complain("granted without a node", contender.peer)
            return
        }
        if !inTheWay.isEmpty { complain("granted out of turn", contender.peer) }
        if let token = answer["token"], token.prefix(16) != node.stat.czxid.description.paddedHexadecimal {
            complain("a token of another node", contender.peer)
        }
        tokens.withLock { $0[contender.name] = node.stat.czxid }
    }

    /// `contender` stands in line behind so many others, and waits.
    func wait(_ contender: RemoteContender, behind count: Int) async throws {
        let pending = contender.begin("acquire")
        waiting.withLock { $0[contender.name] = pending }
        do {
            try await eventually("in line") { try await line.count() == count + 1 }
            guard let own = try await line.nodes().last else { throw Trouble(contender.peer, "not in line any more") }
            try await eventually("waiting") {
                if hasAnswered(contender) { return true }
                return try await line.isWaiting(own)
            }
        } catch is NeverCame {
            throw Trouble(contender.peer, "never in line")
        }
        // Judged while whoever it should wait for holds the lock.
        if hasAnswered(contender) {
            try await grant(contender)
            early.withLock { _ = $0.insert(contender.name) }
        }
    }

    /// Whether `contender`, who stood in line, says that it does not any more.
    func hasAnswered(_ contender: RemoteContender) -> Bool { waiting.value[contender.name]?.current != nil }

    /// Deletes the node at that place in line.
    func evict(_ place: Int) async throws {
        try await line.client.delete(line.path.child(try await line.nodes()[place].name))
    }

    /// `contender` does what it has the lock for, if it says that it has it.
    ///
    /// - Returns: Whether it wrote.
    func work(_ contender: RemoteContender) async throws -> Bool {
        let answer = try await contender.ask("work")
        switch answer.word {
        case "working": return true
        case "stopped": return false
        default: throw Trouble(contender.peer, "work: \(answer.word) \(answer.text)")
        }
    }

    /// `contender` holds the lock, says so and writes; the store takes it.
    func workInTurn(_ contender: RemoteContender) async throws {
        guard try await work(contender) else { return complain("stopped although it held", contender.peer) }
        guard slot.isExclusive, let token = tokens.value[contender.name] else { return }
        if !store.write(token) { complain("a token that is too low", contender.peer) }
    }

    /// `contender` has lost the lock, to somebody who has written since: what does it do?
    func workLate(_ contender: RemoteContender) async throws {
        guard try await work(contender) else { return }
        complain("worked on after its loss", contender.peer)
        guard slot.isExclusive, let token = tokens.value[contender.name] else { return }
        if store.write(token) { complain("and the store took it", contender.peer) }
    }

    /// `contender` gets the lock, works and gives it back.
    func workOnce(_ contender: RemoteContender) async throws {
        try await grant(contender)
        try await workInTurn(contender)
        try await release(contender)
    }

    func release(_ contender: RemoteContender) async throws {
        try await contender.do("release", expecting: "released")
    }

    // MARK: With a third behind the waiter

    /// The holder holds the lock, the waiter waits, and the third behind it.
    func standInLine() async throws {
        try await grant(holder)
        try await wait(waiter, behind: 1)
        try await wait(third, behind: 2)
    }

    /// The waiter's session has expired.
    func hasLeftTheLine() async throws {
        try await eventually("the waiter's session expires") { try await line.count() == 2 }
        try await workInTurn(holder)
    }

    /// The waiter has lost its place, the third has the lock; the waiter's turn comes later.
    func comeBack() async throws {
        do {
            try await eventually("in line again, or believing that it has the lock") {
                try await line.count() == 2 || hasAnswered(waiter)
            }
        } catch is NeverCame {
            throw Trouble(waiter.peer, "never in line again")
        }
        // What it believes is judged while the other holds the lock.
        let isFaithless = hasAnswered(waiter)
        if isFaithless { try await grant(waiter) }
        try await workInTurn(third)
        try await release(third)
        if !isFaithless { try await workOnce(waiter) }
        try await isEmpty()
    }

    /// Nobody is in line any more.
    func isEmpty() async throws {
        try await eventually("the line is empty") { try await line.count() == 0 }
    }
}

extension String {
    /// The digits behind `0x`, as many as 64 bits have.
    fileprivate var paddedHexadecimal: String {
        let digits = dropFirst(2)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
