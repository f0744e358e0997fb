// SPDX-License-Identifier: Apache-2.0

import Synchronization
public import ZooKeeper

/// The position of a participant in its queue while it waits: to show it, or to know that it has joined at all.
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
/// It costs no request: it tells what the acquisition learns for itself, when it has joined, and whenever it lists the
/// queue again because one of the two nearest participants in its way has gone. For every step follow the whole queue:
/// ``ZooKeeperLock/participantUpdates``. A value serves one acquisition.
public final class QueuePosition: Sendable {
    /// A position in the queue.
    public struct Snapshot: Sendable, Hashable {
        /// Our node.
        public var node: ZNodePath
        /// The number of participants in our way; 0 when it is our turn. For a reader only the writers in front count.
        public var ahead: Int

        /// Creates a position, for tests of code that shows one.
        public init(node: ZNodePath, ahead: Int) {
            self.node = node
            self.ahead = ahead
        }
    }

    private let latest = LatestValue<Snapshot?>(nil)
    private let wasReported = Atomic(false)

    /// Creates a position that no acquisition reports yet.
    public init() {}

    /// Tells whether our node has been in the queue.
    var hasJoined: Bool { wasReported.load(ordering: .relaxed) }

    /// The position, as far as it is known; `nil` while we are not in the queue (not yet, or not for a moment because
    /// the session was lost). When the waiting is over, the last position.
    public var current: Snapshot? { latest.current }

    /// Waits until our node is in the queue.
    ///
    /// - Returns: Its first position; `nil` if it never joined, or if the waiting task was cancelled.
    public func enqueued() async -> Snapshot? {
        for await position in positions {
            if let position { return position }
        }
        return nil
    }

    /// The positions, as they change, starting with the current one. The last one has 0 ahead if it came to our turn.
    /// Ends with the waiting, and when the consuming task is cancelled.
    public var positions: Positions { Positions(latest: latest) }

    func report(_ position: Snapshot?) {
        if position != nil { wasReported.store(true, ordering: .relaxed) }
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

/// An iterator belongs to one task.
@available(*, unavailable)
extension QueuePosition.Positions.AsyncIterator: Sendable {}
