// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A value that changes, and any number of consumers that want the newest.
///
/// A consumer that is slower than the changes skips those in between; the last one is never skipped.
package final class LatestValue<Value: Sendable>: Sendable {
    private struct State {
        var value: Value
        var version = 1
        var isFinished = false
        var changed = Promise<Void>()
    }

    private let state: Mutex<State>

    package init(_ value: Value) { state = Mutex(State(value: value)) }

    package var current: Value { state.withLock { $0.value } }

    /// Nothing follows any more: consumers get the last value, and then the end.
    package func finish() { change { $0.isFinished = true } }

    /// - Parameter isLast: `true` if nothing will follow.
    package func send(_ value: Value, isLast: Bool = false) {
        change { state in
            state.value = value
            state.version += 1
            state.isFinished = isLast
        }
    }

    private func change(_ body: (inout State) -> Void) {
        let changed: Promise<Void>? = state.withLock { state in
            guard !state.isFinished else { return nil }
            body(&state)
            defer { state.changed = Promise() }
            return state.changed
        }
        changed?.fulfil(())
    }

    /// The next value for a consumer that has seen `version`; or the promise it should wait for; or neither at the end.
    private func next(after version: Int) -> (news: (Value, Int)?, wait: Promise<Void>?) {
        state.withLock { state in
            if state.version > version { return ((state.value, state.version), nil) }
            return (nil, state.isFinished ? nil : state.changed)
        }
    }

    package func makeIterator() -> Iterator { Iterator(source: self) }

    /// The values, starting with the current one.
    package struct Iterator {
        fileprivate let source: LatestValue
        private var seen = 0

        fileprivate init(source: LatestValue) { self.source = source }

        /// The next value; `nil` at the end, and when the task is cancelled.
        package mutating func next(isolation actor: isolated (any Actor)?) async -> Value? {
            while true {
                let (news, wait) = source.next(after: seen)
                if let (value, version) = news {
                    seen = version
                    return value
                }
                guard let wait, case .value = await wait.wait(isolation: actor) else { return nil }
            }
        }
    }
}
