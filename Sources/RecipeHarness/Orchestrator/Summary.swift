// SPDX-License-Identifier: Apache-2.0

import ZooKeeperHistory
import ZooKeeperTesting

/// Prints the result of a run.
enum Summary {
    static func print(_ settings: Settings, _ history: History, _ report: HistoryReport) {
        printLine("")
        for line in lines(history, report) { printLine(line) }
        printLine("")
        for violation in report.violations.prefix(20) {
            printLine(
                "VIOLATION (\(violation.kind.rawValue)) at \(seconds(violation.at - history.began)): \(violation.text)")
        }
        if report.violations.count > 20 { printLine("… and \(report.violations.count - 20) more") }
        printLine("\(report.violations.count) violations; seed \(settings.seed)")
    }

    private static func lines(_ history: History, _ report: HistoryReport) -> [String] {
        let recovered = report.recoveries.compactMap(\.duration)
        let shares = report.grantsByProcess.values
        var lines = [
            "\(report.invocations) invocations, \(report.grants) grants (\(report.stampedHolds) with stamps in ZooKeeper's order)",
            "outcomes: " + list(report.outcomes),
        ]
        for (access, waits) in report.waitsByAccess.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            lines.append(
                "\(access.rawValue): \(waits.count) grants; waits: half below "
                    + "\(seconds(HistoryReport.percentile(50, of: waits))), 99 % below "
                    + "\(seconds(HistoryReport.percentile(99, of: waits))), longest \(seconds(waits.last))")
        }
        lines += [
            "fairness: \(report.overtakings) grants out of order; \(shares.min() ?? 0) to \(shares.max() ?? 0) grants "
                + "per process",
            "store: \(report.acceptedWrites) writes accepted, \(report.refusedWrites) late ones refused",
            "bodies that overlap on the clock: "
                + HistoryReport.Cause.allCases.map { "\($0.rawValue) \(report.overlaps[$0] ?? 0)" }.joined(
                    separator: ", "),
            "left in the queue: \(history.leftInQueue)",
        ]
        if !history.externalClients.isEmpty {
            let kinds = Dictionary(report.externalViolations.map { ($0.kind.rawValue, 1) }, uniquingKeysWith: +)
            let externalClients = history.externalClients.sorted().map { "\($0) \(report.grantsByProcess[$0] ?? 0)" }
            lines.append("grants of the other library: " + externalClients.joined(separator: ", "))
            lines.append("violations by the other library: " + (kinds.isEmpty ? "none" : list(kinds)))
        }
        lines.append(
            "faults: " + (report.faults.isEmpty ? "none" : list(report.faults.mapKeys(\.rawValue))))
        if let worst = report.worstRecovery {
            let open = report.openRecoveries
            lines.append(
                "recoveries: \(recovered.count) of \(report.recoveries.count), half within "
                    + "\(seconds(recovered.sorted()[safe: (recovered.count - 1) / 2])), worst \(seconds(worst.duration)) after "
                    + "\(worst.fault.rawValue) of \(worst.process)"
                    + (open > 0 ? "; \(open) not over at the end" : ""))
        }
        return lines
    }

    private static func list(_ counts: [String: Int]) -> String {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) \($0.value)" }.joined(
            separator: ", ")
    }

    /// Formats microseconds as seconds.
    private static func seconds(_ microseconds: Int64?) -> String {
        guard let microseconds else { return "never" }
        let text = "\(microseconds % 1_000_000 / 1_000)"
        return "\(microseconds / 1_000_000).\(String(repeating: "0", count: max(0, 3 - text.count)))\(text) s"
    }
}

extension Dictionary {
    fileprivate func mapKeys<NewKey: Hashable>(_ transform: (Key) -> NewKey) -> [NewKey: Value] {
        Dictionary<NewKey, Value>(uniqueKeysWithValues: map { (transform($0.key), $0.value) })
    }
}

extension Array {
    fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
