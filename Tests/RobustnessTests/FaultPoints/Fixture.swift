// SPDX-License-Identifier: Apache-2.0

import TestSupport
import ZooKeeper
import ZooKeeperRecipes

/// The two clients of a scenario: the subject, whose connection the fault hits, and one beside it.
struct Fixture: Sendable {
    /// The recipes of one client, all at one path.
    struct Recipes: Sendable {
        let client: ZooKeeperClient
        let path: ZNodePath

        var lock: ZooKeeperLock { ZooKeeperLock(client, at: path) }
        var readWriteLock: ZooKeeperReadWriteLock { ZooKeeperReadWriteLock(client, at: path) }
        var election: ZooKeeperElection { ZooKeeperElection(client, at: path) }
    }

    let beside: Recipes
    private let subject: Recipes
    private let exclusion = Exclusion()
    private let calls = SubjectCalls()

    init(subject: ZooKeeperClient, beside: ZooKeeperClient, path: ZNodePath) {
        self.subject = Recipes(client: subject, path: path)
        self.beside = Recipes(client: beside, path: path)
    }

    /// The violations of mutual exclusion so far.
    var violations: [String] { exclusion.violations }

    /// Returns the number of nodes in the queue.
    func queueLength() async throws -> Int {
        do {
            return try await beside.client.children(of: beside.path).names.count
        } catch ZooKeeperError.Code.noNode {
            return 0
        }
    }

    // MARK: The subject

    /// The state of the subject: `true` if its last call has ended.
    var hasEnded: Bool { calls.hasEnded }

    /// Runs `body` in a task that ``cancelSubject()`` cancels.
    func asSubject<Success: Sendable>(
        _ body: @escaping @Sendable (Recipes) async throws -> Success
    ) async throws -> Success {
        let subject = subject
        let task = Task { try await body(subject) }
        calls.begin { task.cancel() }
        defer { calls.end() }
        return try await task.value
    }

    /// Cancels the subject's call, and later ones.
    func cancelSubject() { calls.cancel() }

    /// Checks that the holder of this lease is alone, or among readers, and has a higher token than every writer
    /// before.
    func checkExclusion(_ lease: LockLease, isShared: Bool = false) {
        guard (try? lease.checkHeld()) != nil else { return }
        exclusion.enter(lease.fencingToken, isShared: isShared)
        exclusion.leave(isShared: isShared)
    }

    /// Lets the subject wait behind so many others, which leave when it is enqueued.
    func waiting(
        behind count: Int, isCancelled: Bool = false, _ body: @escaping @Sendable (Recipes) async throws -> Void
    ) async throws {
        let first = try await beside.lock.acquire()
        var others: [Task<Void, any Error>] = []
        for index in 1..<count {
            others.append(Task { try await beside.lock.withLock { checkExclusion($0) } })
            try await eventually("in front") { try await queueLength() == index + 1 }
        }
        defer { others.forEach { $0.cancel() } }
        try await handOff(first, behind: count, isCancelled: isCancelled, body)
    }

    /// Lets the subject wait behind two. When the first leaves, the second holds until the subject has seen that it is
    /// the next, or has given up.
    func takingOver(_ body: @escaping @Sendable (Recipes, QueuePosition) async throws -> Void) async throws {
        let position = QueuePosition()
        let first = try await beside.lock.acquire()
        let second = Task {
            try await beside.lock.withLock { lease in
                try await eventually("the subject is the next, or has given up") {
                    hasEnded || position.current?.ahead == 1
                }
                checkExclusion(lease)
            }
        }
        defer { second.cancel() }
        try await eventually("in front") { try await queueLength() == 2 }
        try await handOff(first, behind: 2) { try await body($0, position) }
    }

    /// Lets the subject wait behind two, of which the nearest leaves before the other releases.
    func inheriting(_ body: @escaping @Sendable (Recipes) async throws -> Void) async throws {
        let first = try await beside.lock.acquire()
        let nearest = Task { try await beside.lock.withLock { checkExclusion($0) } }
        defer { nearest.cancel() }
        try await eventually("in front") { try await queueLength() == 2 }
        try await handOff(
            first, behind: 2,
            whenEnqueued: {
                nearest.cancel()
                _ = await nearest.result
            }, body)
    }

    /// Lets the subject wait behind a holder, which releases when the subject is enqueued, or has given up.
    ///
    /// - Parameter whenEnqueued: Happens before that.
    func handOff(
        _ holder: HeldLock, behind count: Int = 1, isCancelled: Bool = false,
        whenEnqueued: () async -> Void = {}, _ body: @escaping @Sendable (Recipes) async throws -> Void
    ) async throws {
        let hasEnded = Shared(false)
        let waiter = Task {
            defer { hasEnded.withLock { $0 = true } }
            try await asSubject(body)
        }
        try await eventually("enqueued, or has given up") {
            if hasEnded.value { return true }
            return try await queueLength() > count
        }
        if isCancelled { cancelSubject() }
        await whenEnqueued()
        // As long as it holds, there is no other holder.
        exclusion.enter(holder.lease.fencingToken, isShared: false)
        exclusion.leave(isShared: false)
        try await holder.release()
        try await waiter.value
    }
}

/// The calls of the subject, which can be cancelled from outside.
private final class SubjectCalls: Sendable {
    private struct State {
        var isCancelled = false
        var underWay = 0
        var begun = 0
        var cancellations: [@Sendable () -> Void] = []
    }

    private let state = Shared(State())

    var hasEnded: Bool { state.withLock { $0.begun > 0 && $0.underWay == 0 } }

    func begin(_ cancellation: @escaping @Sendable () -> Void) {
        let isCancelled = state.withLock { state in
            state.begun += 1
            state.underWay += 1
            state.cancellations.append(cancellation)
            return state.isCancelled
        }
        if isCancelled { cancellation() }
    }

    func end() { state.withLock { $0.underWay -= 1 } }

    func cancel() {
        let cancellations = state.withLock { state in
            state.isCancelled = true
            return state.cancellations
        }
        for cancellation in cancellations { cancellation() }
    }
}

/// A check of mutual exclusion: the present holders, and the last writer.
private final class Exclusion: Sendable {
    private struct State {
        var writers = 0
        var readers = 0
        var lastWriter: FencingToken?
        var violations: [String] = []
    }

    private let state = Shared(State())

    var violations: [String] { state.withLock { $0.violations } }

    func enter(_ token: FencingToken, isShared: Bool) {
        state.withLock { state in
            if state.writers > 0 || (!isShared && state.readers > 0) { state.violations.append("two inside") }
            guard !isShared else { return state.readers += 1 }
            state.writers += 1
            if let last = state.lastWriter, token < last { state.violations.append("\(token) came after \(last)") }
            state.lastWriter = token
        }
    }

    func leave(isShared: Bool) {
        state.withLock { state in
            if isShared { state.readers -= 1 } else { state.writers -= 1 }
        }
    }
}
