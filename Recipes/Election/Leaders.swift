public import ZooKeeper

/// The leaders of an election, as they change: ``ZooKeeperElection/leaders``.
///
/// Starts with the current one; `nil` while nobody stands. No final state is lost, over reconnects and sessions; leaders
/// that come and go faster than they are consumed may be skipped. Watches the leader's node only, so candidates that come
/// and go behind it cost nothing.
///
/// Ends when the client is closed, and when the consuming task is cancelled. Throws ``ZooKeeperError`` when it cannot go
/// on, for example `noAuth`; while there is no connection it waits.
public struct Leaders: AsyncSequence, Sendable {
    public typealias Element = Participant?
    public typealias Failure = ZooKeeperError

    let line: QueueReader

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(line: line) }

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let line: QueueReader
        private var watch: Watch?
        /// `nil` before the first; the path of nobody is `nil`.
        private var last: ZNodePath??
        /// How often in a row the servers were too busy.
        private var throttled = 0

        fileprivate init(line: QueueReader) { self.line = line }

        /// The next leader, or `nil` at the end.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(ZooKeeperError) -> Element? {
            while true {
                do {
                    // How a watch ends does not matter: what is read next is the truth.
                    if let watch { _ = await watch.registration.result.wait(isolation: actor) }
                    if Task.isCancelled { return nil }
                    let (leader, watch) = try await line.first()
                    self.watch = watch
                    throttled = 0
                    if last != .some(leader?.path) {
                        last = .some(leader?.path)
                        return .some(leader)
                    }
                } catch {
                    switch error.code {
                    // Longer away than one request may wait, or in another session: a stream waits on.
                    case .connectionLoss, .connectTimeout, .sessionLost: watch = nil
                    case .throttled:
                        watch = nil
                        throttled += 1
                        await Backoff().pause(beforeAttempt: throttled, isolation: actor)
                    case .closed, .cancelled: return nil
                    default: throw error
                    }
                }
            }
        }

        /// The next leader, or `nil` at the end.
        public mutating func next() async throws(ZooKeeperError) -> Element? {
            try await next(isolation: #isolation)
        }
    }
}
