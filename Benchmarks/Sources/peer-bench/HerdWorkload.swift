import ZooKeeper
import ZooKeeperRecipes

/// Rounds: somebody holds the lock, everybody else queues, the holder lets go, the queue drains. Only the drains count.
func runHerd(_ options: Options) async throws -> Report {
    try await withClients(options.clients, options) { clients in
        let path = try options.root
        let holder = ZooKeeperLock(clients[0], at: path)
        let locks = (0..<options.concurrency).map { ZooKeeperLock(clients[$0 % clients.count], at: path) }
        let measurement = Measurement(options)
        let handoffs = Handoffs()
        var all = Tally()
        var drained: Int64 = 0
        var rounds = Rounds(options)
        while rounds.mayStart(in: measurement) {
            // By hand: what a scope's body starts would count as inside the lock.
            let held = try await holder.acquire()
            try await withThrowingTaskGroup(of: Tally.self) { group in
                for lock in locks {
                    group.addTask {
                        var tally = Tally()
                        try await lock.withLock { _ in
                            handoffs.acquired(&tally, measurement)
                            handoffs.releasing()
                        }
                        return tally
                    }
                }
                try await waitForQueue(at: path, clients[0], options)
                let start = monotonicNanoseconds()
                handoffs.released(at: start)
                group.addTask {
                    if let loss = await held.release() { throw Unexpected("the lock was lost: \(loss)") }
                    return Tally()
                }
                for try await tally in group { all.add(tally) }
                if measurement.isMeasuring { drained += monotonicNanoseconds() - start }
            }
        }
        measurement.end()
        return measurement.report(all, nanoseconds: drained, violations: handoffs.violations)
    }
}

/// Waits until everybody stands in line and watches whoever is in front.
private func waitForQueue(at path: ZNodePath, _ client: ZooKeeperClient, _ options: Options) async throws {
    guard options.ops == 0 else {
        // Whoever counts requests should not count ours.
        try await Task.sleep(for: .seconds(1))
        return
    }
    while try await client.children(of: path).names.count <= options.concurrency {
        try await Task.sleep(for: .milliseconds(20))
    }
    // For the last of the watches.
    try await Task.sleep(for: .milliseconds(300))
}

/// Counts whole rounds: as many as hold `ops` cycles, or as fit in the measured time, at least one.
private struct Rounds {
    private let options: Options
    private var count = 0
    private let startedAt = monotonicNanoseconds()

    init(_ options: Options) { self.options = options }

    mutating func mayStart(in measurement: Measurement) -> Bool {
        let now = monotonicNanoseconds()
        if options.ops > 0 {
            if count * options.concurrency >= options.ops { return false }
        } else if measurement.isMeasuring, Double(now - measurement.beganAt) >= options.seconds * 1e9 {
            return false
        }
        let isWarm = options.ops > 0 || Double(now - startedAt) >= options.warmup * 1e9
        if isWarm, !measurement.isMeasuring { measurement.begin() }
        count += 1
        return true
    }
}
