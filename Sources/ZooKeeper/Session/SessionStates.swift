// SPDX-License-Identifier: Apache-2.0

/// The states of a session or a client, as they change.
///
/// Starts with the current state. A consumer that is slower than the changes gets the newest state and skips those in
/// between; a loss cannot be missed, because the next session has another id. Any number of consumers may iterate, each
/// sees everything from the moment it starts. Ends after ``SessionState/closed``, and for a single session after
/// ``SessionState/lost(_:)``; also when the consuming task is cancelled.
public struct SessionStates: AsyncSequence, Sendable {
    private let feed: LatestValue<SessionState>

    package init(_ feed: LatestValue<SessionState>) { self.feed = feed }

    public struct AsyncIterator: AsyncIteratorProtocol {
        private var values: LatestValue<SessionState>.Iterator

        fileprivate init(feed: LatestValue<SessionState>) { values = feed.makeIterator() }

        /// The next state, or `nil` at the end.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> SessionState? {
            await values.next(isolation: actor)
        }

        /// The next state, or `nil` at the end.
        public mutating func next() async -> SessionState? {
            await next(isolation: #isolation)
        }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(feed: feed) }
}

/// An iterator belongs to one task.
@available(*, unavailable)
extension SessionStates.AsyncIterator: Sendable {}
