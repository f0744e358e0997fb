import Synchronization

/// The states of a session or a client, as they change.
///
/// Starts with the current state. A consumer that is slower than the changes gets the newest state and skips those in
/// between; a loss cannot be missed, because the next session has another id. Any number of consumers may iterate, each
/// sees everything from the moment it starts. Ends after ``SessionState/closed``, and for a single session after
/// ``SessionState/lost(_:)``; also when the consuming task is cancelled.
public struct SessionStates: AsyncSequence, Sendable {
    package final class Feed: Sendable {
        private struct State {
            var value = SessionState.connecting
            var version = 1
            var isFinished = false
            var changed = Promise<Void>()
        }

        private let state = Mutex(State())

        package init() {}

        package var current: SessionState { state.withLock { $0.value } }

        /// - Parameter isLast: Whether nothing will follow.
        package func send(_ value: SessionState, isLast: Bool) {
            let changed: Promise<Void>? = state.withLock { state in
                guard !state.isFinished else { return nil }
                state.value = value
                state.version += 1
                state.isFinished = isLast
                defer { state.changed = Promise() }
                return state.changed
            }
            changed?.fulfil(())
        }

        /// What a consumer that has seen `version` gets next; or what it should wait for; or neither at the end.
        fileprivate func next(after version: Int) -> (news: (SessionState, Int)?, wait: Promise<Void>?) {
            state.withLock { state in
                if state.version > version { return ((state.value, state.version), nil) }
                return (nil, state.isFinished ? nil : state.changed)
            }
        }
    }

    private let feed: Feed

    package init(_ feed: Feed) { self.feed = feed }

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let feed: Feed
        private var seen = 0

        fileprivate init(feed: Feed) { self.feed = feed }

        /// The next state, or `nil` at the end.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> SessionState? {
            while true {
                let (news, wait) = feed.next(after: seen)
                if let (state, version) = news {
                    seen = version
                    return state
                }
                guard let wait, case .value = await wait.wait(isolation: actor) else { return nil }
            }
        }

        /// The next state, or `nil` at the end.
        public mutating func next() async -> SessionState? {
            await next(isolation: #isolation)
        }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(feed: feed) }
}
