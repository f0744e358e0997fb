public import ZooKeeper

/// One's own place in a line while one waits: to show it, or to know that one stands in line at all.
///
/// ```swift
/// let position = QueuePosition()
/// async let report: Void = lock.withLock(position: position) { _ in try await write() }
/// for await position in position.positions {
///     logger.info("\(position?.ahead ?? 0) in front of us")
/// }
/// try await report
/// ```
///
/// It shows what the contender itself gets to know, so it costs nothing: where it stands when it has joined, and where
/// whenever it looks again, which it does when the nearest in its way has gone. Who wants to see every step follows the
/// whole line: ``ZooKeeperLock/participantUpdates``. For one acquisition; a second one needs a second place.
public final class QueuePosition: Sendable {
    /// A place in line.
    public struct Snapshot: Sendable, Hashable {
        /// Our node.
        public var node: ZNodePath
        /// How many are in our way; 0 when it is our turn. For a reader only the writers in front count.
        public var ahead: Int

        public init(node: ZNodePath, ahead: Int) {
            self.node = node
            self.ahead = ahead
        }
    }

    private let latest = LatestValue<Snapshot?>(nil)

    public init() {}

    /// The position, as far as it is known; `nil` when we do not stand in line (yet, or for a moment because the session was
    /// lost). When the waiting is over, the last place.
    public var current: Snapshot? { latest.current }

    /// Waits until our node stands in line.
    ///
    /// - Returns: Where; `nil` if it never came to that, or if the waiting task was cancelled.
    public func enqueued() async -> Snapshot? {
        for await position in positions {
            if let position { return position }
        }
        return nil
    }

    /// The places, as they change, starting with the current one. The last one has 0 in front if the line was stood out. Ends
    /// with the waiting, and when the consuming task is cancelled.
    public var positions: Positions { Positions(latest: latest) }

    func report(_ position: Snapshot?) {
        if position != latest.current { latest.send(position) }
    }

    /// The waiting is over.
    func finish() { latest.finish() }

    /// See ``QueuePosition/positions``.
    public struct Positions: AsyncSequence, Sendable {
        fileprivate let latest: LatestValue<Snapshot?>

        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(values: latest.makeIterator()) }

        public struct AsyncIterator: AsyncIteratorProtocol {
            fileprivate var values: LatestValue<Snapshot?>.Iterator

            /// The next position, or `nil` at the end.
            public mutating func next(isolation actor: isolated (any Actor)?) async -> Snapshot?? {
                await values.next(isolation: actor)
            }

            /// The next position, or `nil` at the end.
            public mutating func next() async -> Snapshot?? {
                await next(isolation: #isolation)
            }
        }
    }
}
