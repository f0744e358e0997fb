import Dispatch
import Synchronization
import ZooKeeper

/// A place where threads block until a condition holds.
final class BlockingCondition: Sendable {
    private let waiting = Mutex<[DispatchSemaphore]>([])

    /// Blocks the calling thread until `isOpen` says yes. It is asked again after each ``changed()``.
    func wait(until isOpen: () -> Bool) {
        while true {
            let semaphore = DispatchSemaphore(value: 0)
            // Before asking, or a change between the two would go unnoticed.
            waiting.withLock { $0.append(semaphore) }
            if isOpen() {
                waiting.withLock { waiting in waiting.removeAll { $0 === semaphore } }
                return
            }
            semaphore.wait()
        }
    }

    /// Wakes the waiting threads: their condition may hold now.
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
