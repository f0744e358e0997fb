// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// The leaders of an election, as they change: ``ZooKeeperElection/leaders``.
///
/// Starts with the current one; `nil` while there is none. No final state is lost, over reconnects and sessions;
/// leaders that come and go faster than they are consumed may be skipped. Watches the leader's node only, so
/// candidates that come and go behind it cost nothing.
///
/// Ends when the client is closed, and when the consuming task is cancelled. Throws `ZooKeeperError` when it cannot
/// go on, for example `noAuth`; while there is no connection it waits.
public struct Leaders: AsyncSequence, Sendable {
    public typealias Element = Participant?
    public typealias Failure = any Error

    let queue: QueueReader

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(queue: queue) }

    public struct AsyncIterator: AsyncIteratorProtocol {
        private var loop: RereadLoop<Participant?>

        fileprivate init(queue: QueueReader) {
            loop = RereadLoop(spansSessions: true) { old, new in
                old?.path == new?.path
            } read: { _ throws(ZooKeeperError) in
                try await queue.first()
            }
        }

        /// Waits for the next leader; `nil` at the end.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws -> Element? {
            try await loop.next(isolation: actor)
        }

        /// Waits for the next leader; `nil` at the end.
        public mutating func next() async throws -> Element? {
            try await next(isolation: #isolation)
        }
    }
}

/// An iterator belongs to one task.
@available(*, unavailable)
extension Leaders.AsyncIterator: Sendable {}
