// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZooKeeper
import ZooKeeperHistory
import ZooKeeperRecipes
import ZooKeeperTesting

/// One task of a worker: invokes operations, one after the other, until it is cancelled.
struct Generator: Sendable {
    let client: ZooKeeperClient
    let process: String
    let prefix: String
    let workload: Workload
    /// The other library in the same queue, whose naming scheme is used; `nil`: none.
    let library: ExternalLibrary?
    let rate: Rate
    let ending: ClientEnding

    private var lock: ZooKeeperLock {
        var configuration = ZooKeeperLock.Configuration()
        configuration.id = process
        configuration.dialect = library.lock
        return ZooKeeperLock(client, at: RunConstants.queue, configuration: configuration)
    }

    private var readWriteLock: ZooKeeperReadWriteLock {
        var configuration = ZooKeeperReadWriteLock.Configuration()
        configuration.id = process
        configuration.dialect = library.readWriteLock
        return ZooKeeperReadWriteLock(client, at: RunConstants.queue, configuration: configuration)
    }

    private var election: ZooKeeperElection {
        var configuration = ZooKeeperElection.Configuration()
        configuration.id = process
        configuration.dialect = library.election
        return ZooKeeperElection(client, at: RunConstants.queue, configuration: configuration)
    }

    func run(_ random: inout SplitMix64) async {
        var number = 0
        while !Task.isCancelled {
            number += 1
            let began = ContinuousClock.now
            await perform("\(prefix).\(number)", Choices(&random))
            try? await Task.sleep(until: rate.next(after: began, &random), clock: .continuous)
        }
    }

    /// The name of the operation that is under way: one call may consist of several operations.
    private final class Current: Sendable {
        private let process: String
        private let name: Mutex<String>

        init(_ process: String, _ name: String) {
            self.process = process
            self.name = Mutex(name)
        }

        var operation: String { name.withLock { $0 } }

        /// Records the end of the operation, and the beginning of the next one of the same call.
        ///
        /// - Returns: The name of the next operation.
        func continueWithNext(_ outcome: String, as access: HistoryEvent.Access) -> String {
            let (former, next) = name.withLock { name in
                defer { name += "+" }
                return (name, name + "+")
            }
            printLine(HistoryEvent(process, .returned(operation: former, outcome: outcome)).line)
            printLine(HistoryEvent(process, .invoked(operation: next, access)).line)
            return next
        }
    }

    /// The random choices for one operation.
    private struct Choices: Sendable {
        var isReader: Bool
        var onlyIfFree: Bool
        /// Lets a writer continue as a reader, and a reader try to write.
        var changes: Bool
        var limit: Duration?
        /// The time after which the operation is cancelled; `nil`: it is not.
        var cancellationDelay: Duration?
        var terms: Int
        var random: SplitMix64

        init(_ random: inout SplitMix64) {
            isReader = random.int(1...100) <= 70
            onlyIfFree = random.oneIn(10)
            changes = random.oneIn(4)
            limit = random.oneIn(5) ? .milliseconds(random.int(50...1_500)) : nil
            cancellationDelay = random.oneIn(10) ? .milliseconds(random.int(10...800)) : nil
            terms = random.oneIn(3) ? 2 : 1
            self.random = random.split()
        }
    }

    private func perform(_ operation: String, _ choices: Choices) async {
        let access: HistoryEvent.Access =
            switch workload {
            case .lock: .lock
            case .readWrite: choices.isReader ? .read : .write
            case .election: .lead
            }
        let current = Current(process, operation)
        record(.invoked(operation: operation, access))
        let outcome: String
        do {
            if let delay = choices.cancellationDelay {
                // The whole operation is cancelled, while it waits or holds.
                let isDone = try await withThrowingTaskGroup(of: Bool?.self) { group in
                    group.addTask { try await call(operation, access, choices, current) }
                    group.addTask {
                        try await Task.sleep(for: delay)
                        return nil
                    }
                    let first = try await group.next() ?? nil
                    group.cancelAll()
                    if let first { return first }
                    return try await group.next().flatMap { $0 } ?? false
                }
                outcome = isDone ? "done" : "busy"
            } else {
                outcome = try await call(operation, access, choices, current) ? "done" : "busy"
            }
        } catch let error as LockError {
            let reason = error.code == .unavailable ? error.underlying.map { ": \($0.code)" } : nil
            outcome = error.loss.map { "lost: \($0)" } ?? "\(error.code)\(reason ?? "")"
        } catch is CancellationError {
            outcome = "cancelled"
        } catch {
            outcome = "failed: \(error)"
        }
        record(.returned(operation: current.operation, outcome: outcome))
    }

    /// Calls the recipe.
    ///
    /// - Returns: `false` if the lock was not free and the call did not wait.
    private func call(
        _ operation: String, _ access: HistoryEvent.Access, _ choices: Choices, _ current: Current
    ) async throws -> Bool {
        let body = body(access)
        var random = choices.random
        switch (access, choices.onlyIfFree) {
        case (.lock, false):
            try await lock.withLock(waitingUpTo: choices.limit) { try await body.run(operation, $0, &random) }
        case (.lock, true):
            return try await lock.withLockIfAvailable { try await body.run(operation, $0, &random) } != nil
        case (.read, false) where choices.changes:
            return try await readWriteLock.withReadLock(waitingUpTo: choices.limit) {
                try await body.run(operation, $0, &random)
                let next = current.continueWithNext("tries to write", as: .write)
                return try await readWriteLock.withWriteLockIfAvailable {
                    try await self.body(.write).run(next, $0, &random)
                } != nil
            }
        case (.write, false) where choices.changes:
            try await readWriteLock.withWriteLock(waitingUpTo: choices.limit) {
                try await body.run(operation, $0, &random)
            } thenReading: { lease, _ in
                try await self.body(.read).run(current.continueWithNext("reads", as: .read), lease, &random)
            }
        case (.read, false):
            try await readWriteLock.withReadLock(waitingUpTo: choices.limit) {
                try await body.run(operation, $0, &random)
            }
        case (.read, true):
            return try await readWriteLock.withReadLockIfAvailable { try await body.run(operation, $0, &random) } != nil
        case (.write, false):
            try await readWriteLock.withWriteLock(waitingUpTo: choices.limit) {
                try await body.run(operation, $0, &random)
            }
        case (.write, true):
            return try await readWriteLock.withWriteLockIfAvailable { try await body.run(operation, $0, &random) }
                != nil
        case (.lead, _):
            if choices.terms == 1 {
                try await election.withLeadership(waitingUpTo: choices.limit) {
                    try await body.run(operation, $0, &random)
                }
            } else {
                var terms = 0
                try await election.withTerms { lease in
                    terms += 1
                    try await body.run(current.operation, lease, &random)
                    guard terms < choices.terms else { return .resign }
                    _ = current.continueWithNext("requeued", as: .lead)
                    return .requeue
                }
            }
        }
        return true
    }

    private func body(_ access: HistoryEvent.Access) -> CriticalSection {
        CriticalSection(client: client, process: process, access: access, ending: ending)
    }

    private func record(_ kind: HistoryEvent.Kind) { printLine(HistoryEvent(process, kind).line) }
}
