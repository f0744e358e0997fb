// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization
import ZooKeeper

/// A condition that threads block on until it holds.
final class BlockingCondition: Sendable {
    private let waiting = Mutex<[DispatchSemaphore]>([])

    /// Blocks the calling thread until `isOpen` returns `true`. It is evaluated now and again after each ``changed()``.
    func wait(until isOpen: () -> Bool) {
        while true {
            let semaphore = DispatchSemaphore(value: 0)
            // Registered before the evaluation, or a change between the two would go unnoticed.
            waiting.withLock { $0.append(semaphore) }
            if isOpen() {
                waiting.withLock { waiting in waiting.removeAll { $0 === semaphore } }
                return
            }
            semaphore.wait()
        }
    }

    /// Wakes all waiting threads, which evaluate their conditions again.
    func changed() {
        let semaphores = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for semaphore in semaphores { semaphore.signal() }
    }

    /// Blocks the calling thread for this long, in whole milliseconds.
    static func pause(_ duration: Duration) {
        let milliseconds = Int(clamping: duration.wholeMilliseconds)
        _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(milliseconds))
    }
}
