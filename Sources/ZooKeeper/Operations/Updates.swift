// SPDX-License-Identifier: Apache-2.0

/// The states of a node, or of its children, as they change: ``ZooKeeperOperations/updates(of:file:line:)`` and
/// ``ZooKeeperOperations/childrenUpdates(of:file:line:)``.
///
/// Starts with the current state; `nil` while there is no such node. **No final state is lost**: whatever the
/// connection does, also while it is away, and on a ``ZooKeeperClient`` also when the session expires and another one
/// follows, the last state is delivered. States in between may be skipped, above all by a consumer that is slower than
/// the changes. No state is delivered twice in a row.
///
/// Costs one watch, and one read for each state delivered. Nothing is read ahead: the next read is made when the next
/// state is asked for.
///
/// Ends when the client or session is closed by its owner, and when the consuming task is cancelled. Throws
/// ``ZooKeeperError`` when it cannot go on: `noAuth`, `watchBudgetExceeded`, `notRunning`, `chrootNotFound`; on a
/// ``ZooKeeperSession`` also `sessionLost`. While there is no connection it waits.
public struct Updates<Read: WatchableOperation>: AsyncSequence, Sendable {
    public typealias Element = Read.Output?
    public typealias Failure = any Error

    fileprivate let source: any ZooKeeperOperations
    fileprivate let path: ZNodePath
    fileprivate let read: Read
    /// Tells two states apart.
    fileprivate let version: @Sendable (Read.Output) -> [Int64]
    fileprivate let file: String
    fileprivate let line: Int

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }

    public struct AsyncIterator: AsyncIteratorProtocol {
        private var loop: RereadLoop<Read.Output?>

        fileprivate init(_ updates: Updates) {
            let version = updates.version
            loop = RereadLoop(spansSessions: updates.source.spansSessions) { old, new in
                old.map(version) == new.map(version)
            } read: { _ throws(ZooKeeperError) in
                try await updates.source.readWatched(
                    updates.read, at: updates.path, file: updates.file, line: updates.line)
            }
        }

        /// The next state, or `nil` at the end.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws -> Element? {
            try await loop.next(isolation: actor)
        }

        /// The next state, or `nil` at the end.
        public mutating func next() async throws -> Element? {
            try await next(isolation: #isolation)
        }
    }
}

/// An iterator belongs to one task.
@available(*, unavailable)
extension Updates.AsyncIterator: Sendable {}

extension ZooKeeperOperations {
    /// The data and stat of a node, as they change: see ``Updates``.
    ///
    /// ```swift
    /// for try await node in client.updates(of: "/config/limits") {
    ///     limits = node.map { Limits($0.data) } ?? .standard
    /// }
    /// ```
    public func updates(of path: ZNodePath, file: String = #fileID, line: Int = #line) -> Updates<GetData> {
        Updates(source: self, path: path, read: GetData(path), version: { $0.version }, file: file, line: line)
    }

    /// The names of a node's children, as they come and go: see ``Updates``.
    ///
    /// ```swift
    /// for try await children in client.childrenUpdates(of: "/services/mail") {
    ///     addresses = children?.names ?? []
    /// }
    /// ```
    public func childrenUpdates(
        of path: ZNodePath, file: String = #fileID, line: Int = #line
    ) -> Updates<GetChildren> {
        Updates(source: self, path: path, read: GetChildren(path), version: { $0.version }, file: file, line: line)
    }
}

extension ZNode {
    fileprivate var version: [Int64] { [stat.czxid.rawValue, stat.mzxid.rawValue] }
}

extension GetChildren.Output {
    fileprivate var version: [Int64] { [stat.czxid.rawValue, stat.pzxid.rawValue, Int64(stat.cversion)] }
}
