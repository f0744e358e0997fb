// SPDX-License-Identifier: Apache-2.0

public import ZooKeeper

/// Counts, for each of many calls, its answers, and those whose pending request is still in memory.
public final class TrackedCalls: Sendable {
    private struct WeakRequest: Sendable {
        weak let pending: PendingRequest?
    }

    private let pendingRequests = Shared<[WeakRequest]>([])
    private let answers = Shared<[Int: Int]>([:])
    private let codes = Shared<[String: Int]>([:])

    public init() {}

    /// Issues `count` calls, and keeps no strong reference to their requests.
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
            pendingRequests.withLock { $0.append(WeakRequest(pending: pending)) }
        }
    }

    public var count: Int { pendingRequests.value.count }
    /// The number of calls that have been answered.
    public var answered: Int { answers.value.count }
    /// The number of calls that have been answered more than once.
    public var answeredTwice: Int { answers.value.values.count { $0 > 1 } }
    /// The number of pending requests that are still in memory.
    public var alive: Int { pendingRequests.value.count { $0.pending != nil } }
    /// The number of calls by result.
    public var results: [String: Int] { codes.value }
}
