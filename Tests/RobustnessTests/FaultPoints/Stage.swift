import Synchronization
import TestSupport
import ZooKeeper
import ZooKeeperRecipes

/// Where a situation takes position: a client over whose connection things go wrong, the subject, and one beside it.
struct Stage: Sendable {
    /// One client's view of the recipes, all at one path.
    struct Actor: Sendable {
        let client: ZooKeeperClient
        let path: ZNodePath

        var lock: ZooKeeperLock { ZooKeeperLock(client, at: path) }
        var readWriteLock: ZooKeeperReadWriteLock { ZooKeeperReadWriteLock(client, at: path) }
        var election: ZooKeeperElection { ZooKeeperElection(client, at: path) }
    }

    let beside: Actor
    private let subject: Actor
    private let exclusion = Exclusion()
    private let calls = SubjectCalls()

    init(subject: ZooKeeperClient, beside: ZooKeeperClient, path: ZNodePath) {
        self.subject = Actor(client: subject, path: path)
        self.beside = Actor(client: beside, path: path)
    }

    /// What was seen that must not be.
    var violations: [String] { exclusion.violations }

    /// How many nodes stand in line.
    func inLine() async throws -> Int {
        do {
            return try await beside.client.children(of: beside.path).names.count
        } catch ZooKeeperError.Code.noNode {
            return 0
        }
    }

    // MARK: What the subject does

    /// Whether the last call of the subject has ended.
    var hasEnded: Bool { calls.hasEnded }

    /// Runs `body` in a task that ``cancelSubject()`` cancels.
    func asSubject<Success: Sendable>(
        _ body: @escaping @Sendable (Actor) async throws -> Success
    ) async throws -> Success {
        let subject = subject
        let task = Task { try await body(subject) }
        calls.begin { task.cancel() }
        defer { calls.end() }
        return try await task.value
    }

    /// Cancels what the subject does now and later.
    func cancelSubject() { calls.cancel() }

    /// What a holder does: it must be alone, or among readers, and have a higher token than every writer before.
    func inside(_ lease: LockLease, isShared: Bool = false) {
        guard (try? lease.checkHeld()) != nil else { return }
        exclusion.enter(lease.fencingToken, isShared: isShared)
        exclusion.leave(isShared: isShared)
    }

    /// The subject waits behind so many others, which leave when it stands in line.
    func waiting(
        behind count: Int, isCancelled: Bool = false, _ body: @escaping @Sendable (Actor) async throws -> Void
    ) async throws {
        let first = try await beside.lock.acquire()
        var others: [Task<Void, any Error>] = []
        for index in 1..<count {
            others.append(Task { try await beside.lock.withLock { inside($0) } })
            try await eventually("in front") { try await inLine() == index + 1 }
        }
        defer { others.forEach { $0.cancel() } }
        try await handOff(first, behind: count, isCancelled: isCancelled, body)
    }

    /// The subject waits behind a holder, which leaves when it stands in line, or when it has given up.
    func handOff(
        _ holder: HeldLock, behind count: Int = 1, isCancelled: Bool = false,
        _ body: @escaping @Sendable (Actor) async throws -> Void
    ) async throws {
        let hasEnded = Shared(false)
        let waiter = Task {
            defer { hasEnded.withLock { $0 = true } }
            try await asSubject(body)
        }
        try await eventually("stands in line, or has given up") {
            if hasEnded.value { return true }
            return try await inLine() > count
        }
        if isCancelled { cancelSubject() }
        // As long as it holds, nobody else is inside.
        exclusion.enter(holder.lease.fencingToken, isShared: false)
        exclusion.leave(isShared: false)
        try await holder.release()
        try await waiter.value
    }
}

/// The calls of the subject, to be cancelled from outside.
private final class SubjectCalls: Sendable {
    private struct State {
        var isCancelled = false
        var underWay = 0
        var begun = 0
        var cancellations: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

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

/// Who is inside right now, and who was.
private final class Exclusion: Sendable {
    private struct State {
        var writers = 0
        var readers = 0
        var lastWriter: FencingToken?
        var violations: [String] = []
    }

    private let state = Mutex(State())

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
