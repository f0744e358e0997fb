// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper

/// Bodies are cancelled by a few threads, also if their handlers block.
@Suite(.timeLimit(.minutes(2))) struct CancellationThreadsTests {
    @Test func aHandfulOfThreadsTellsThousands() async throws {
        let most = Shared(0)
        let told = Shared(0)
        for _ in 0..<5_000 {
            CancellationThreads.shared.run {
                let threads = CancellationThreads.shared.threadCount
                most.withLock { $0 = max($0, threads) }
                told.withLock { $0 += 1 }
            }
        }
        try await eventually("all are told") { told.value == 5_000 }
        #expect(most.value <= 16)
        try await eventually("they go when there is nothing to do") { CancellationThreads.shared.threadCount == 0 }
    }

    /// Handlers that never return keep their threads, and delay no other handler.
    @Test func aHandlerThatBlocksDelaysNoOther() async throws {
        let isOpen = Shared(false)
        let blocked = Shared(0)
        let told = Shared(0)
        defer { isOpen.withLock { $0 = true } }
        for _ in 0..<10 {
            CancellationThreads.shared.run {
                blocked.withLock { $0 += 1 }
                // As the handler of a user who waits for something that does not come.
                let queue = DeadEnd()
                queue.wait { isOpen.value }
            }
        }
        for _ in 0..<100 { CancellationThreads.shared.run { told.withLock { $0 += 1 } } }
        try await eventually("all others are told") { told.value == 100 }
        #expect(blocked.value == 10)
        isOpen.withLock { $0 = true }
        try await eventually("they go when there is nothing to do") { CancellationThreads.shared.threadCount == 0 }
    }
}

/// Blocks a thread, which checks a condition every few milliseconds.
private struct DeadEnd {
    func wait(until condition: () -> Bool) {
        let alarm = Alarm()
        while !condition() {
            alarm.set(to: .now + .milliseconds(5))
            alarm.wait()
        }
    }
}
