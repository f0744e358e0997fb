// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// The participants of a queue, as they come and go: ``ZooKeeperLock/participantUpdates``,
/// ``ZooKeeperReadWriteLock/participantUpdates``, ``ZooKeeperElection/participantUpdates``.
///
/// Starts with the current participants, in order, the first first; empty while there is none. No final state is lost,
/// over reconnects and sessions; states in between may be skipped. Each change of the queue costs a list of it, and
/// each newcomer a read: with many observers of a long queue that is a herd. The queue itself is not disturbed.
///
/// Ends when the client is closed, and when the consuming task is cancelled. Throws `ZooKeeperError` when it cannot
/// go on, for example `noAuth`; while there is no connection it waits.
public struct ParticipantUpdates: AsyncSequence, Sendable {
    public typealias Element = [Participant]
    public typealias Failure = any Error

    let queue: QueueReader

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(queue: queue) }

    public struct AsyncIterator: AsyncIteratorProtocol {
        private var loop: RereadLoop<[Participant]>

        fileprivate init(queue: QueueReader) {
            loop = RereadLoop(spansSessions: true, areEqual: ==) { last throws(ZooKeeperError) in
                // Those that could not be read may be readable now.
                try await queue.participantsWatched(known: (last ?? []).filter { $0.since != nil })
            }
        }

        /// Waits for the next state of the queue; `nil` at the end.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws -> Element? {
            try await loop.next(isolation: actor)
        }

        /// Waits for the next state of the queue; `nil` at the end.
        public mutating func next() async throws -> Element? {
            try await next(isolation: #isolation)
        }
    }
}

/// An iterator belongs to one task.
@available(*, unavailable)
extension ParticipantUpdates.AsyncIterator: Sendable {}
