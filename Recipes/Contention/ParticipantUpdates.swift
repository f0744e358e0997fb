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
        private let line: QueueReader
        private var children: Updates<GetChildren>.AsyncIterator
        private var last: [Participant]?
        /// How often in a row the servers were too busy.
        private var throttled = 0

        fileprivate init(line: QueueReader) {
            self.line = line
            children = line.client.childrenUpdates(of: line.path).makeAsyncIterator()
        }

        /// The next state of the line, or `nil` at the end.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(ZooKeeperError) -> Element? {
            while let update = try await children.next(isolation: actor) {
                let names = try line.parse(update?.names ?? [])
                do {
                    let contenders = try await line.read(names, known: last ?? [])
                    throttled = 0
                    if contenders == last { continue }
                    last = contenders
                    return contenders
                } catch {
                    switch error.code {
                    // The next update comes when there is a connection again; it may be this one once more.
                    case .connectionLoss, .connectTimeout, .sessionLost:
                        children = line.client.childrenUpdates(of: line.path).makeAsyncIterator()
                    case .throttled:
                        throttled += 1
                        await Backoff().pause(beforeAttempt: throttled, isolation: actor)
                        children = line.client.childrenUpdates(of: line.path).makeAsyncIterator()
                    case .closed, .cancelled: return nil
                    default: throw error
                    }
                }
            }
            return nil
        }

        /// The next state of the line, or `nil` at the end.
        public mutating func next() async throws(ZooKeeperError) -> Element? {
            try await next(isolation: #isolation)
        }
    }
}
