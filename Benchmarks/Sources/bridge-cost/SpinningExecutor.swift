// SPDX-License-Identifier: Apache-2.0

import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// An executor with one thread that never sleeps and never allocates: its jobs cause no wake-up of a thread and no
/// bookkeeping of a queue, so only the cost of the measured code itself remains. It lets other threads run when it has
/// waited for long: then the one that is to give it a job is not running.
///
/// Sendable: a slot belongs to the thread that took its number from `written` until it is marked ready, and then to the
/// one thread that runs jobs.
final class SpinningExecutor: TaskExecutor, @unchecked Sendable {
    private static let capacity = 1 << 10
    private let jobs = UnsafeMutablePointer<UnownedJob?>.allocate(capacity: capacity)
    private let ready = UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: capacity)
    private let written = Atomic(0)

    init() {
        jobs.initialize(repeating: nil, count: Self.capacity)
        for index in 0..<Self.capacity { (ready + index).initialize(to: Atomic(-1)) }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let number = written.add(1, ordering: .relaxed).oldValue
        jobs[number % Self.capacity] = UnownedJob(job)
        ready[number % Self.capacity].store(number, ordering: .releasing)
    }

    /// Runs jobs on the calling thread and never returns.
    func run() -> Never {
        let executor = asUnownedTaskExecutor()
        var read = 0
        var spins = 0
        while true {
            if ready[read % Self.capacity].load(ordering: .acquiring) == read, let job = jobs[read % Self.capacity] {
                read += 1
                spins = 0
                job.runSynchronously(on: executor)
            } else {
                spins += 1
                if spins.isMultiple(of: 10_000) { sched_yield() }
            }
        }
    }
}
