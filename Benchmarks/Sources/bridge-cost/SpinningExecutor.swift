import Synchronization

/// An executor with one thread that never sleeps and never allocates: what runs on it pays for no wake-up of a thread and
/// no bookkeeping of a queue, so that only the cost of the code itself is left to measure.
final class SpinningExecutor: SerialExecutor, @unchecked Sendable {
    private static let capacity = 1 << 10
    /// Slots are written by whoever took a number from `written`, and read by the one thread that runs.
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

    /// Runs jobs on the calling thread, for ever.
    func run() -> Never {
        let executor = asUnownedSerialExecutor()
        var read = 0
        while true {
            if ready[read % Self.capacity].load(ordering: .acquiring) == read, let job = jobs[read % Self.capacity] {
                read += 1
                job.runSynchronously(on: executor)
            }
        }
    }
}

/// What runs on that executor.
@globalActor actor Spinning {
    static let shared = Spinning()
    static let executor = SpinningExecutor()

    nonisolated var unownedExecutor: UnownedSerialExecutor { Self.executor.asUnownedSerialExecutor() }
}
