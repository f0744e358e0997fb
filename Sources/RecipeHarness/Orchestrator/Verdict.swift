// SPDX-License-Identifier: Apache-2.0

import ZooKeeperHistory
import ZooKeeperTesting

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The result of a run in numbers, as other programs read it. Times are in microseconds.
struct Verdict: Codable, Sendable {
    /// The processes that use one library.
    struct Party: Codable, Sendable {
        var processes: Int
        /// The operations of these processes by their outcome.
        var outcomes: [String: Int]
        var grants: Int
        /// The violations that are attributed to these processes, by kind.
        var violations: [String: Int]
        /// The first twenty of them in words.
        var messages: [String]
        /// The requests that these processes have sent, by type, without pings and without those of the harness itself.
        var requests: [String: Int]
        var worstWait: Int64?
    }

    /// The times from the beginning of a fault to the next grant.
    struct Recoveries: Codable, Sendable {
        var count: Int
        /// The number of faults that were not followed by a grant before the end.
        var open: Int
        var median: Int64?
        var worst: Int64?
        var worstFault: String?
        var worstProcess: String?
    }

    /// The part of a run's result that its history does not contain.
    struct Counts: Sendable {
        /// The requests of each process, by type: ``ClientProcess/requests``.
        var requests: [String: [OperationCode: Int]]
        /// The version of the servers.
        var server: String?
    }

    /// The options that repeat the run.
    var arguments: [String]
    var workload: String
    var nemesis: String
    var seed: UInt64
    /// The duration that was asked for, in seconds.
    var duration: Int64
    /// The number of tasks of each process.
    var tasks: Int
    var wasInterrupted: Bool
    /// The version of ZooKeeper; absent if the servers did not answer at the end.
    var server: String?
    /// The other library in the same queue.
    var library: String?
    var ours: Party
    /// The processes of the other library.
    var theirs: Party?
    var leftInQueue: Int64
    /// Pairs of bodies that overlapped on the clock, by cause.
    var overlaps: [String: Int]
    var acceptedWrites: Int
    var refusedWrites: Int
    var faults: [String: Int]
    var recoveries: Recoveries

    init(
        _ settings: Settings, _ history: History, _ report: HistoryReport, _ counts: Counts, wasInterrupted: Bool
    ) {
        let requests = counts.requests
        func party(_ processes: Set<String>, _ violations: [HistoryReport.Violation]) -> Party {
            let operations = history.operations.filter { processes.contains($0.process) }
            let holds = operations.compactMap { operation in operation.hold.map { $0.from - operation.invoked } }
            let sent = requests.filter { processes.contains($0.key) }.values.flatMap { $0 }
            return Party(
                processes: processes.count, outcomes: Self.count(operations.map(\.outcomeText)), grants: holds.count,
                violations: Self.count(violations.map(\.kind.rawValue)), messages: violations.prefix(20).map(\.text),
                requests: Dictionary(sent.map { ($0.key.description, $0.value) }, uniquingKeysWith: +)
                    .filter { $0.value != 0 },
                worstWait: holds.max())
        }
        arguments = settings.arguments
        workload = settings.workload.rawValue
        nemesis = settings.nemesis.description
        seed = settings.seed
        duration = settings.duration.components.seconds
        tasks = settings.tasks
        self.wasInterrupted = wasInterrupted
        server = counts.server
        library = settings.library?.rawValue
        ours = party(Set(requests.keys).subtracting(history.externalClients), report.violations)
        theirs = settings.library == nil ? nil : party(history.externalClients, report.externalViolations)
        leftInQueue = history.leftInQueue
        overlaps = Dictionary(report.overlaps.map { ($0.key.rawValue, $0.value) }, uniquingKeysWith: +)
        acceptedWrites = report.acceptedWrites
        refusedWrites = report.refusedWrites
        faults = Dictionary(report.faults.map { ($0.key.rawValue, $0.value) }, uniquingKeysWith: +)
        let recovered = report.recoveries.compactMap(\.duration).sorted()
        recoveries = Recoveries(
            count: report.recoveries.count, open: report.openRecoveries,
            median: recovered.isEmpty ? nil : recovered[(recovered.count - 1) / 2], worst: recovered.last,
            worstFault: report.worstRecovery?.fault.rawValue, worstProcess: report.worstRecovery?.process)
    }

    private static func count(_ words: [String]) -> [String: Int] {
        Dictionary(words.map { ($0, 1) }, uniquingKeysWith: +)
    }

    /// The verdict as JSON, with sorted members.
    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
        }
    }
}

extension History.Operation {
    /// The outcome, also of an operation that did not return.
    fileprivate var outcomeText: String {
        outcome ?? (abandoned != nil ? "its process was killed" : "under way")
    }
}
