// SPDX-License-Identifier: Apache-2.0

#if THREAD_SANITIZER
import ZooKeeper

/// The mutex that the thread sanitizer understands.
typealias Mutex = SanitizerMutex
#else
import Synchronization
#endif

/// A value that several tasks and callbacks of a test use.
public final class Shared<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    public init(_ value: Value) { state = Mutex(value) }

    public func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        state.withLock { body(&$0) }
    }

    /// A copy of the present value.
    public var value: Value { state.withLock { $0 } }
}
