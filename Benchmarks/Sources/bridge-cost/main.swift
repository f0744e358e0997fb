// SPDX-License-Identifier: Apache-2.0

// The cost of a call beyond plain C, with a library in place of the real one that only calls back.
//
//     Scripts/bridge-cost [ROUNDS [CALLS]]
//     Scripts/bridge-cost --gate          only what can fail, in seconds, also on a busy machine: see Gate.swift
//
// Plain C and the public API take turns, several rounds in one run; the medians count. Two ways of calling:
//
// * the bridge: one task that waits for each answer, on a thread that never sleeps, while the answers come from another
//   thread that never sleeps. Plain C waits for each answer in the same way. What is left is the bridge itself, with
//   its allocations.
// * in service: 64 tasks on Swift's own pool, each waiting for its own answers; plain C keeps 64 calls under way. This
//   adds what Swift takes to resume a task, with its allocations.

import Logging
import RawCalls
import ZooKeeper

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

private let path: ZNodePath = "/node"

enum Operation: String, CaseIterable, Sendable {
    case exists
    case get
    case set

    var raw: raw_operation {
        switch self {
        case .exists: RAW_EXISTS
        case .get: RAW_GET
        case .set: RAW_SET
        }
    }

    /// The number of allocations that hold the result: one for the bytes of a get, none for a stat.
    var resultAllocations: Int { self == .get ? 1 : 0 }

    func call(_ session: ZooKeeperSession, _ bytes: [UInt8]) async throws {
        switch self {
        case .exists: _ = try await session.exists(path)
        case .get: _ = try await session.get(path)
        case .set: try await session.set(path, to: bytes)
        }
    }
}

struct Cost: Sendable {
    var microseconds: Double
    var allocations: Double

    static func measure(_ count: Int, _ body: () async throws -> Void) async rethrows -> Cost {
        let allocations = allocation_count()
        let start = ContinuousClock.now
        try await body()
        let elapsed = start.duration(to: .now)
        return Cost(
            microseconds: elapsed / .microseconds(1) / Double(count),
            allocations: Double(allocation_count() - allocations) / Double(count))
    }
}

func alone(_ operation: Operation, _ session: ZooKeeperSession, _ count: Int) async throws -> Cost {
    let bytes = [UInt8](repeating: 0, count: 100)
    for _ in 0..<1_000 { try await operation.call(session, bytes) }
    return try await Cost.measure(count) { for _ in 0..<count { try await operation.call(session, bytes) } }
}

func inService(_ operation: Operation, _ session: ZooKeeperSession, _ count: Int) async throws -> Cost {
    let tasks = 64
    let bytes = [UInt8](repeating: 0, count: 100)
    return try await Cost.measure(count) {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<tasks {
                group.addTask { for _ in 0..<count / tasks { try await operation.call(session, bytes) } }
            }
            try await group.waitForAll()
        }
    }
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

func text(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let number = "\(hundredths < 0 ? "-" : "")\(abs(hundredths) / 100).\(String("0\(abs(hundredths) % 100)".suffix(2)))"
    return String(repeating: " ", count: max(0, 9 - number.count)) + number
}

func measureAll(_ session: ZooKeeperSession, rounds: Int, count: Int) async throws -> Bool {
    var isWithinLimits = true
    print("microseconds per call, and allocations beyond those that hold the result")
    print("operation  how           plain C        ours   difference  allocations")
    for operation in Operation.allCases {
        for isAlone in [true, false] {
            var raw: [Double] = []
            var ours: [Double] = []
            var allocations: [Double] = []
            for _ in 0..<rounds {
                let plain = isAlone ? raw_calls(operation.raw, count, 1, 0) : raw_calls(operation.raw, count, 64, 1)
                raw.append(plain.seconds / Double(count) * 1e6)
                let cost =
                    isAlone
                    ? try await alone(operation, session, count)
                    : try await Task.detached(executorPreference: globalConcurrentExecutor) {
                        try await inService(operation, session, count)
                    }.value
                ours.append(cost.microseconds)
                allocations.append(cost.allocations - Double(operation.resultAllocations))
            }
            let name = (operation.rawValue + "          ").prefix(9) + "  " + (isAlone ? "the bridge" : "in service")
            let difference = median(ours) - median(raw)
            let figures = [median(raw), median(ours), difference, median(allocations)]
            print(name + figures.map(text).joined(separator: "   "))
            // A hundredth for rare allocations: heartbeats, buffers that grow.
            if isAlone, median(allocations) > 1.01 { isWithinLimits = false }
        }
    }
    return isWithinLimits
}

let isGate = CommandLine.arguments.contains("--gate")
if isGate { use_one_processor() }
guard allocation_count() >= 0 else {
    print("allocations are not counted; run Scripts/bridge-cost instead of this program")
    exit(2)
}
let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let rounds = arguments.first ?? 9
let count = arguments.dropFirst().first ?? 200_000
let executor = SpinningExecutor()
Task(executorPreference: executor) {
    do {
        var logger = Logger(label: "bridge-cost")
        logger.logLevel = .critical
        let isWithinLimits = try await ZooKeeperClient.withClient("127.0.0.1:1", logger: logger) { client in
            let session = try await client.withSession { $0 }
            if isGate { return try await gate(session) }
            return try await measureAll(session, rounds: rounds, count: count)
        }
        print("the bridge is within its limits: \(isWithinLimits ? "yes" : "NO")")
        exit(isWithinLimits ? 0 : 1)
    } catch {
        print(error)
        exit(2)
    }
}
executor.run()
