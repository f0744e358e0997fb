import Synchronization
import ZooKeeper
import ZooKeeperRecipes

/// Locks that are free when they are asked for. A cycle is to get one and to release it.
///
/// - Parameters:
///   - isDistinct: Whether each contender has a lock of its own.
///   - isFresh: Whether each cycle makes a lock object of its own.
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

/// A read lock that nobody else wants.
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

/// All contenders want the same lock, each with a lock object of its own, again and again. A cycle is a handoff.
///
/// - Parameter holdsForARequest: Whether each holder makes a request before it lets go.
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

/// The holder of the lock by our own account, by which the lock is judged.
final class Handoffs: Sendable {
    private let holders = Atomic(0)
    private let overlaps = Atomic(0)
    private let releasedAt = Atomic(Int64(0))

    var violations: Int { overlaps.load(ordering: .relaxed) }

    /// A holder has the lock. Counts the handoff, from the call that let it go to now.
    func acquired(_ tally: inout Tally, _ measurement: Measurement) {
        let now = monotonicNanoseconds()
        let since = releasedAt.load(ordering: .acquiring)
        if holders.add(1, ordering: .acquiringAndReleasing).oldValue != 0 { overlaps.add(1, ordering: .relaxed) }
        guard measurement.isMeasuring else { return }
        tally.cycles += 1
        // Nobody had it before the first holder.
        if since != 0 { tally.samples.append(now - since) }
    }

    /// The holder is about to release it.
    func releasing() {
        holders.subtract(1, ordering: .acquiringAndReleasing)
        releasedAt.store(monotonicNanoseconds(), ordering: .releasing)
    }

    /// Another contender, which is not counted, releases it at this moment.
    func released(at moment: Int64) { releasedAt.store(moment, ordering: .releasing) }
}
