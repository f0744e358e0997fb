// SPDX-License-Identifier: Apache-2.0

import Synchronization
public import ZooKeeper

/// One term of a leader, as it knows it itself: ``LeaderService/terms``.
public struct LeadershipTerm: Sendable, Hashable {
    /// Counted from 1 among those of its service.
    public let number: Int
    /// Higher than that of every earlier leader.
    public let fencingToken: FencingToken
    /// The candidate's node.
    public let node: ZNodePath
    /// The moment at which it learnt that it leads.
    public let began: ContinuousClock.Instant
}

/// The terms of one candidate, as they begin and end.
final class LeadershipState: Sendable {
    private struct State {
        var count = 0
        var lease: LockLease?
    }

    private let state = Mutex(State())
    private let terms = LatestValue<LeadershipTerm?>(nil)

    /// Tells whether it leads: by the lease, which knows of a loss before the work has ended.
    var isLeading: Bool {
        guard let lease = state.withLock({ $0.lease }) else { return false }
        return (try? lease.checkHeld()) != nil
    }

    var stream: LeadershipTerms { LeadershipTerms(latest: terms) }

    /// It has been elected. The term ends with the lease, or with ``end(_:)``.
    ///
    /// - Returns: The number of the term.
    func begin(_ lease: LockLease) -> Int {
        let number = state.withLock { state in
            state.count += 1
            state.lease = lease
            // Under the lock, so that terms are told in their order.
            terms.send(
                LeadershipTerm(
                    number: state.count, fencingToken: lease.fencingToken, node: lease.nodePath, began: .now),
                isLast: false)
            return state.count
        }
        lease.core.end.whenFulfilled { [weak self] _ in self?.end(number) }
        return number
    }

    /// The term is over.
    ///
    /// - Parameter number: Nothing happens if another one has begun meanwhile.
    func end(_ number: Int) {
        state.withLock { state in
            guard state.lease != nil, number == state.count else { return }
            state.lease = nil
            terms.send(nil, isLast: false)
        }
    }
}

/// The terms of one candidate, as they begin and end: `nil` while it does not lead. Starts with the current state; states in
/// between may be skipped, the last one never is. Ends when the consuming task is cancelled.
public struct LeadershipTerms: AsyncSequence, Sendable {
    let latest: LatestValue<LeadershipTerm?>

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(values: latest.makeIterator()) }

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var values: LatestValue<LeadershipTerm?>.Iterator

        /// The next state, or `nil` at the end.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> LeadershipTerm?? {
            await values.next(isolation: actor)
        }

        /// The next state, or `nil` at the end.
        public mutating func next() async -> LeadershipTerm?? {
            await next(isolation: #isolation)
        }
    }
}

/// An iterator belongs to one task.
@available(*, unavailable)
extension LeadershipTerms.AsyncIterator: Sendable {}
