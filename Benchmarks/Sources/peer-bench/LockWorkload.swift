// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZooKeeper
import ZooKeeperRecipes

/// Measures locks that are free when they are requested. A cycle is one acquisition and one release.
///
/// - Parameters:
///   - isDistinct: Gives each contender a lock of its own.
///   - isFresh: Makes a new lock object for each cycle.
func runFreeLocks(
    _ options: Options, contenders: Int, isDistinct: Bool = false, isFresh: Bool = false
) async throws -> Report {
    try await withClients(1, options) { clients in
        let client = clients[0]
        let measurement = Measurement(options)
        var locks: [ZooKeeperLock] = []
        for index in 0..<contenders {
            let path = isDistinct ? try options.root.appending("\(index)") : try options.root
            try await make(path, client)
            locks.append(options.lock(client, at: path))
        }
        let tally = try await measurement.run(contenders) { [locks] index in
            var tally = Tally()
            while measurement.mayStartCycle() {
                let start = monotonicNanoseconds()
                let lock = isFresh ? options.lock(client, at: locks[index].path) : locks[index]
                try await lock.withLock { _ in }
                tally.cycleEnded(in: measurement, since: start)
            }
            return tally
        }
        return measurement.report(tally)
    }
}

/// Measures a read lock without contention.
func runFreeReadLock(_ options: Options) async throws -> Report {
    try await withClients(1, options) { clients in
        let lock = ZooKeeperReadWriteLock(clients[0], at: try options.root)
        let measurement = Measurement(options)
        let tally = try await measurement.run(1) { _ in
            var tally = Tally()
            while measurement.mayStartCycle() {
                let start = monotonicNanoseconds()
                try await lock.withReadLock { _ in }
                tally.cycleEnded(in: measurement, since: start)
            }
            return tally
        }
        return measurement.report(tally)
    }
}

/// Measures one lock that all contenders take again and again, each with a lock object of its own. A cycle is a
/// handoff.
///
/// - Parameter holdsForARequest: Lets each holder make a request before it releases the lock.
func runHandoffs(
    _ options: Options, clients: Int, contenders: Int, holdsForARequest: Bool = false
) async throws -> Report {
    try await withClients(clients, options) { clients in
        let path = try options.root
        let measurement = Measurement(options)
        let handoffs = Handoffs()
        let locks = (0..<contenders).map { options.lock(clients[$0 % clients.count], at: path) }
        let tally = try await measurement.run(contenders) { index in
            let client = clients[index % clients.count]
            var tally = Tally()
            while measurement.mayStartCycle() {
                try await locks[index].withLock { _ in
                    handoffs.acquired(&tally, measurement)
                    if holdsForARequest { _ = try await client.exists(path) }
                    handoffs.releasing()
                }
            }
            return tally
        }
        return measurement.report(tally, violations: handoffs.violations)
    }
}

/// Counts holders and handoffs of the contended lock independently of it, to check its exclusion.
final class Handoffs: Sendable {
    private let holders = Atomic(0)
    private let overlaps = Atomic(0)
    private let releasedAt = Atomic(Int64(0))

    var violations: Int { overlaps.load(ordering: .relaxed) }

    /// Notes that a contender has acquired the lock, and counts the handoff, from the call that released it until now.
    func acquired(_ tally: inout Tally, _ measurement: Measurement) {
        let now = monotonicNanoseconds()
        let since = releasedAt.load(ordering: .acquiring)
        if holders.add(1, ordering: .acquiringAndReleasing).oldValue != 0 { overlaps.add(1, ordering: .relaxed) }
        guard measurement.isMeasuring else { return }
        tally.cycles += 1
        // The first holder has no predecessor.
        if since != 0 { tally.samples.append(now - since) }
    }

    /// Notes that the holder is about to release the lock.
    func releasing() {
        holders.subtract(1, ordering: .acquiringAndReleasing)
        releasedAt.store(monotonicNanoseconds(), ordering: .releasing)
    }

    /// Notes that a holder that is not counted has released the lock at this moment.
    func released(at moment: Int64) { releasedAt.store(moment, ordering: .releasing) }
}
