// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

/// Runs rounds in which one contender holds the lock, all others queue, the holder releases it, and the queue drains.
/// Only the drains are measured.
func runHerd(_ options: Options) async throws -> Report {
    try await withClients(options.clients, options) { clients in
        let path = try options.root
        let holder = ZooKeeperLock(clients[0], at: path)
        let locks = (0..<options.concurrency).map { options.lock(clients[$0 % clients.count], at: path) }
        let measurement = Measurement(options)
        let handoffs = Handoffs()
        var all = Tally()
        var drained: Int64 = 0
        var rounds = Rounds(options, cyclesPerRound: options.concurrency)
        while rounds.mayStart(in: measurement) {
            // Without a scope: tasks that a scope's body starts would count as inside the lock.
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
                // The holder stands there too.
                try await waitForQueue(of: options.concurrency + 1, at: path, clients[0], options)
                let start = monotonicNanoseconds()
                handoffs.released(at: start)
                group.addTask {
                    if let loss = try await held.release() { throw Unexpected("the lock was lost: \(loss)") }
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
