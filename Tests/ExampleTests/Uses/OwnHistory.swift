// SPDX-License-Identifier: Apache-2.0

import ZooKeeperHistory

/// A harness of one's own, with all that it needs of the recorder, the reader, the checker and the page.
func checkedPage(at path: String, faults: [String]) throws -> (page: String, picture: String, summary: [String]) {
    let recorder = try HistoryRecorder(replacing: path)
    let second = try HistoryRecorder(appendingTo: path)
    try recorder.record(HistoryEvent.run, .sessionTimeout(microseconds: 4_000_000))
    try second.record(HistoryEvent(at: HistoryEvent.time(.now), process: "c0", .invoked(operation: "c0.1", .write)))
    for (number, name) in faults.enumerated() {
        try recorder.record("c0", .faultBegan(number: Int64(number), HistoryEvent.Fault(rawValue: name)))
        try recorder.record("c0", .faultEnded(number: Int64(number)))
    }
    var events: [HistoryEvent] = []
    do {
        events = try HistoryReader.events(at: path)
    } catch HistoryFileError.Code.invalidLine {
        return ("", "", ["a line is wrong"])
    } catch let error as HistoryFileError where error.code == .notReadable {
        return ("", "", [error.reason])
    }
    for event in events {
        switch event.kind {
        case .faultBegan(_, .killClient), .faultBegan(_, .freezeClient): print("\(event.process) has a fault")
        default: break
        }
    }
    let history = History(events)
    var checker = HistoryChecker(history)
    checker.slack = .seconds(2)
    checker.aftermath = .seconds(30)
    let report = checker.check()
    var summary = ["\(report.grants) of \(report.invocations), \(report.stampedHolds) with stamps"]
    for violation in report.violations + report.externalViolations {
        switch violation.kind {
        case .exclusion, .tokenOrder, .fencing: summary.append("unsafe: \(violation.text)")
        default: summary.append("\(violation.kind.rawValue) of \(violation.processes) at \(violation.at)")
        }
    }
    summary +=
        report.overlaps.map { "\($0.key.rawValue) \($0.value)" } + report.outcomes.map { "\($0.key) \($0.value)" }
    summary.append("\(report.acceptedWrites) accepted, \(report.refusedWrites) refused")
    let timeline = HistoryTimeline(history, report)
    return (timeline.page, timeline.picture, summary)
}
