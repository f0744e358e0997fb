public import ZooKeeper

/// Everybody who stands in a line, as they come and go: ``ZooKeeperLock/participantUpdates``,
/// ``ZooKeeperReadWriteLock/participantUpdates``, ``ZooKeeperElection/participantUpdates``.
///
/// Starts with those who stand there now, in order, the first first; empty while nobody does. No final state is lost, over
/// reconnects and sessions; states in between may be skipped. Each change of the line costs a list of it, and each
/// newcomer a read: with many watchers of a long line that is a herd. Looking does not disturb the line otherwise.
///
/// Ends when the client is closed, and when the consuming task is cancelled. Throws ``ZooKeeperError`` when it cannot go on,
/// for example `noAuth`; while there is no connection it waits.
public struct ParticipantUpdates: AsyncSequence, Sendable {
    public typealias Element = [Participant]
    public typealias Failure = ZooKeeperError

    let line: QueueReader

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(line: line) }

    public struct AsyncIterator: AsyncIteratorProtocol {
        private var loop: RereadLoop<[Participant]>

        fileprivate init(line: QueueReader) {
            loop = RereadLoop(spansSessions: true, areEqual: ==) { last throws(ZooKeeperError) in
                try await line.participantsWatched(known: last ?? [])
            }
        }

        /// Waits for the next state of the queue; `nil` at the end.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(ZooKeeperError) -> Element? {
            try await loop.next(isolation: actor)
        }

        /// Waits for the next state of the queue; `nil` at the end.
        public mutating func next() async throws(ZooKeeperError) -> Element? {
            try await next(isolation: #isolation)
        }
    }
}
