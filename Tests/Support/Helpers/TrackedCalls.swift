public import ZooKeeper

/// A number of calls of which it is known how often each was answered, and whether its pending has been let go.
public final class TrackedCalls: Sendable {
    private struct WeakReply: Sendable {
        weak let pending: PendingRequest?
    }

    private let pendingRequests = Shared<[WeakReply]>([])
    private let answers = Shared<[Int: Int]>([:])
    private let codes = Shared<[String: Int]>([:])

    public init() {}

    /// Issues `count` calls and keeps nothing of them but what is told.
    public func issue(_ count: Int, in session: ZooKeeperSession, _ makeRequest: (Int) -> Request) {
        let start = pendingRequests.value.count
        for index in start..<start + count {
            let pending = session.submit(makeRequest(index)) { [answers, codes] outcome in
                answers.withLock { $0[index, default: 0] += 1 }
                let code: String
                switch outcome {
                case .success: code = "success"
                case .failure(let error): code = error.code.description
                }
                codes.withLock { $0[code, default: 0] += 1 }
            }
            pendingRequests.withLock { $0.append(WeakReply(pending: pending)) }
        }
    }

    public var count: Int { pendingRequests.value.count }
    /// How many have been answered.
    public var answered: Int { answers.value.count }
    /// How many have been answered more than once.
    public var answeredTwice: Int { answers.value.values.count { $0 > 1 } }
    /// How many pendingRequests are still in memory.
    public var alive: Int { pendingRequests.value.count { $0.pending != nil } }
    /// How many had each result.
    public var results: [String: Int] { codes.value }
}
