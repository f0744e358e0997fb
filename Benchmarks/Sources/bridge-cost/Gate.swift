// SPDX-License-Identifier: Apache-2.0

import RawCalls
import ZooKeeper

/// Checks the bridge with figures that other programs on the machine hardly change.
///
/// Allocations are counted, so nothing disturbs them. Time is: so it is the processor time of this process alone, on one
/// processor, where nothing waits for another one's cache, with so many calls at a time that the switches between the two
/// threads do not count. Plain C makes the same calls in turn. Even so, other programs add to it, and take nothing away: the
/// fastest rounds count. The limit is generous: about half of it is used.
func gate(_ session: ZooKeeperSession) async throws -> Bool {
    let limit = 100.0
    var isWithinLimits = true
    print("nanoseconds of processor time per call, and allocations beyond those that hold the result")
    print("operation    plain C        ours        ratio  allocations")
    for operation in Operation.allCases {
        var raw = Double.infinity
        var ours = Double.infinity
        var allocations: [Double] = []
        for _ in 0..<15 {
            let count = tasks * calls
            raw = min(raw, raw_calls(operation.raw, count, Int32(tasks), 0).cpu_seconds / Double(count) * 1e9)
            let cost = try await together(operation, session)
            ours = min(ours, cost.microseconds * 1e3)
            allocations.append(cost.allocations - Double(operation.resultAllocations))
        }
        let figures = [raw, ours, ours / raw, median(allocations)]
        print((operation.rawValue + "          ").prefix(9) + figures.map(text).joined(separator: "   "))
        // One in each call, and a few for heartbeats and for buffers that grow.
        if ours > raw * limit || median(allocations) > 1.1 { isWithinLimits = false }
    }
    return isWithinLimits
}

/// Fewer than a session lets through at a time.
private let tasks = 800
private let calls = 20

/// Lets all tasks make their calls in step, as their answers come in order, so that the first of them can measure for all.
private func together(_ operation: Operation, _ session: ZooKeeperSession) async throws -> Cost {
    let bytes = [UInt8](repeating: 0, count: 100)
    return try await withThrowingTaskGroup(of: Cost?.self) { group in
        for task in 0..<tasks {
            group.addTask {
                for _ in 0..<5 { try await operation.call(session, bytes) }
                let allocations = allocation_count()
                let start = cpu_time()
                for _ in 0..<calls { try await operation.call(session, bytes) }
                let cost = Cost(
                    microseconds: (cpu_time() - start) * 1e6 / Double(calls * tasks),
                    allocations: Double(allocation_count() - allocations) / Double(calls * tasks))
                try await operation.call(session, bytes)
                return task == 0 ? cost : nil
            }
        }
        var measured: Cost?
        for try await cost in group { measured = cost ?? measured }
        return measured!
    }
}
