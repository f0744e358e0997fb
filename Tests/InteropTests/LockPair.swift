// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TestSupport
import ZooKeeper
import ZooKeeperTesting

/// A holder and a waiter of one lock, and the steps that they take.
final class LockPair: Sendable {
    private static let counter = Atomic(0)

    let recipes: RecipeRoles
    let holder: RemoteContender
    let waiter: RemoteContender
    /// Another contender of the holder's kind, in the holder's process.
    let third: RemoteContender
    let queue: LockQueue
    let store = FencedStore()
    private let waiting = Shared<[String: Promise<PeerProcess.Answer>]>([:])
    /// Contenders that were granted the lock before the test waited for the grant.
    private let early = Shared<Set<String>>([])
    private let tokens = Shared<[String: Zxid]>([:])
    let report: @Sendable (_ kind: String, _ by: Peer) -> Void

    /// - Parameter report: Hears of each violation, and which library it is by.
    init(
        _ recipes: RecipeRoles, _ holder: PeerProcess, _ waiter: PeerProcess, _ server: ZooKeeperServer,
        _ observer: ZooKeeperClient,
        report: @escaping @Sendable (String, Peer) -> Void
    ) async throws {
        let path = ZNodePath.root.child("pair-\(Self.counter.add(1, ordering: .relaxed).newValue)").child("lock")
        self.recipes = recipes
        self.queue = LockQueue(server: server, client: observer, path: path)
        self.report = report
        self.holder = try await holder.contender(recipes.holder, at: path)
        self.waiter = try await waiter.contender(recipes.waiter, at: path)
        self.third = try await holder.contender(recipes.holder, at: path)
    }

    /// Waits until `contender` gets the lock, and judges the grant. If it has not been enqueued before, it acquires
    /// now.
    func grant(_ contender: RemoteContender) async throws {
        if early.withLock({ $0.remove(contender.name) }) != nil { return }
        let pending = waiting.withLock { $0.removeValue(forKey: contender.name) } ?? contender.begin("acquire")
        let answer = try await contender.answer(to: "acquire", pending)
        guard answer.word == "acquired" else {
            throw PeerViolation(contender.peer, "acquire: \(answer.word) \(answer.text)")
        }
        let (node, inTheWay) = try await queue.judge(contender, answer)
        guard let node else {
            report("granted without a node", contender.peer)
            return
        }
        if !inTheWay.isEmpty { report("granted out of turn", contender.peer) }
        if let token = answer["token"], token.prefix(16) != node.stat.czxid.description.paddedHexadecimal {
            report("a token of another node", contender.peer)
        }
        tokens.withLock { $0[contender.name] = node.stat.czxid }
    }

    /// Enqueues `contender` behind so many others, and waits until it watches the one in front.
    func wait(_ contender: RemoteContender, behind count: Int) async throws {
        let pending = contender.begin("acquire")
        waiting.withLock { $0[contender.name] = pending }
        do {
            try await eventually("enqueued") { try await queue.count() == count + 1 }
            guard let own = try await queue.nodes().last else {
                throw PeerViolation(contender.peer, "not in the queue any more")
            }
            try await eventually("waiting") {
                if hasAnswered(contender) { return true }
                return try await queue.isWaiting(own)
            }
        } catch is ConditionTimeout {
            throw PeerViolation(contender.peer, "never enqueued")
        }
        // Judged while the contender that it should wait for holds the lock.
        if hasAnswered(contender) {
            try await grant(contender)
            early.withLock { _ = $0.insert(contender.name) }
        }
    }

    /// Returns `true` if the pending acquire of `contender` has been answered.
    func hasAnswered(_ contender: RemoteContender) -> Bool { waiting.value[contender.name]?.current != nil }

    /// Deletes the node at that position in the queue.
    func evict(_ position: Int) async throws {
        try await queue.client.delete(queue.path.child(try await queue.nodes()[position].name))
    }

    /// Lets `contender` do its work, if its library says that it holds the lock.
    ///
    /// - Returns: `true` if it wrote.
    func work(_ contender: RemoteContender) async throws -> Bool {
        let answer = try await contender.ask("work")
        switch answer.word {
        case "working": return true
        case "stopped": return false
        default: throw PeerViolation(contender.peer, "work: \(answer.word) \(answer.text)")
        }
    }

    /// Lets `contender`, which holds the lock, do its work: its library must say so, and the store must accept its
    /// token.
    func workInTurn(_ contender: RemoteContender) async throws {
        guard try await work(contender) else { return report("stopped although it held", contender.peer) }
        guard recipes.isExclusive, let token = tokens.value[contender.name] else { return }
        if !store.write(token) { report("a token that is too low", contender.peer) }
    }

    /// Lets `contender` do its work after it has lost the lock to another one that has written since: it should
    /// refuse, and the store must.
    func workLate(_ contender: RemoteContender) async throws {
        guard try await work(contender) else { return }
        report("worked on after its loss", contender.peer)
        guard recipes.isExclusive, let token = tokens.value[contender.name] else { return }
        if store.write(token) { report("and the store took it", contender.peer) }
    }

    /// Lets `contender` get the lock, do its work and release.
    func workOnce(_ contender: RemoteContender) async throws {
        try await grant(contender)
        try await workInTurn(contender)
        try await release(contender)
    }

    func release(_ contender: RemoteContender) async throws {
        try await contender.do("release", expecting: "released")
    }

    // MARK: With a third behind the waiter

    /// Lets the holder get the lock, and enqueues the waiter and the third behind it.
    func enqueueAll() async throws {
        try await grant(holder)
        try await wait(waiter, behind: 1)
        try await wait(third, behind: 2)
    }

    /// Waits until the session of the waiter has expired and its node is gone.
    func waiterHasLeft() async throws {
        try await eventually("the waiter's session expires") { try await queue.count() == 2 }
        try await workInTurn(holder)
    }

    /// Lets the waiter, which has lost its position to the third, get the lock after it.
    func waiterReturns() async throws {
        do {
            try await eventually("enqueued again, or believing that it has the lock") {
                try await queue.count() == 2 || hasAnswered(waiter)
            }
        } catch is ConditionTimeout {
            throw PeerViolation(waiter.peer, "never enqueued again")
        }
        // What it believes is judged while the other holds the lock.
        let believesItHolds = hasAnswered(waiter)
        if believesItHolds { try await grant(waiter) }
        try await workInTurn(third)
        try await release(third)
        if !believesItHolds { try await workOnce(waiter) }
        try await isEmpty()
    }

    /// Waits until the queue is empty.
    func isEmpty() async throws {
        try await eventually("the queue is empty") { try await queue.count() == 0 }
    }
}

extension String {
    /// The digits behind `0x`, as many as 64 bits have.
    fileprivate var paddedHexadecimal: String {
        let digits = dropFirst(2)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
