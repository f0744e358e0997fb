// SPDX-License-Identifier: Apache-2.0

/// Checks a history for violations of what a lock, a read/write lock or an election guarantees. No I/O, no clock.
///
/// The verdict covers the following, each with its limits:
///
/// - **Exclusion in ZooKeeper's order of transactions.** A hold is stamped by transactions that succeed only while its
///   node exists (``HistoryEvent/Kind/stamped(operation:zxid:)``), so it lasted at least from the first of their zxids to
///   the last. If the intervals of two conflicting holds overlap, both nodes counted as the holder's at one zxid: that is a
///   violation without doubt, whatever the clocks say. The reverse does not hold: a hold without stamps is not judged,
///   and of one with stamps only what lies between them. No violation means that none was seen in this run.
/// - **Tokens in order.** In the order of their first stamps, conflicting holds have growing tokens.
/// - **Fencing.** In the order of zxids, the store has accepted no token below one that it had accepted before.
/// - **Bodies on the clock.** Bodies of conflicting holds do not overlap. Where they do, and the earlier holder was frozen,
///   expired or cut off, that is counted with its cause and is no violation: no lock can stop a process that stands
///   still. This compares times of several processes, so all of them must run on one machine.
/// - **The rest.** Bodies are cancelled by their deadlines, calls return, processes do not crash; and, as the program that
///   records has found, the queue does not stand still and is empty in the end.
///
/// ```swift
/// let history = History(try HistoryReader.events(at: "history.jsonl"))
/// let report = HistoryChecker(history).check()
/// for violation in report.violations { print(violation.text) }
/// ```
///
/// Takes time in proportion to n log n for n holds and writes, and besides to the number of pairs of bodies that overlap
/// on the clock times the number of faults.
public struct HistoryChecker: Sendable {
    /// The time by which the cancellation of a body may miss its deadline, to allow for a busy machine. Default: 1 s.
    public var slack: Duration = .seconds(1)
    /// The time after the end of a partition in which its consequences may appear: the servers expire a session only
    /// after its time-out. Default: 10 s, for session time-outs of up to 5 s.
    public var aftermath: Duration = .seconds(10)

    private let history: History
    private var report = HistoryReport()

    /// Creates a checker of a history.
    ///
    /// - Parameter history: The history.
    public init(_ history: History) { self.history = history }

    /// Checks everything.
    ///
    /// - Returns: The violations, and the numbers of what was checked.
    public func check() -> HistoryReport {
        var copy = self
        copy.checkEverything()
        return copy.report
    }

    private mutating func checkEverything() {
        count()
        checkStamps()
        checkStore()
        checkOverlaps()
        checkCancellations()
        checkReturns()
        checkStalls()
        checkLives()
        measureRecoveries()
        if history.leftInQueue > 0 {
            violate(
                .orphan, history.ended, [],
                "\(history.leftInQueue) nodes were left in the queue after all sessions had ended"
            )
        }
        report.violations.sort { $0.at < $1.at }
    }

    private mutating func violate(
        _ kind: HistoryReport.Violation.Kind, _ at: Int64, _ processes: [String], _ text: String
    ) {
        let violation = HistoryReport.Violation(kind: kind, at: at, processes: processes, text: text)
        if !processes.isEmpty, history.externalClients.isSuperset(of: processes) {
            report.externalViolations.append(violation)
        } else {
            report.violations.append(violation)
        }
    }

    /// Records a violation between two holders, which is attributed to the one that was behind in the queue.
    private mutating func violate(
        _ kind: HistoryReport.Violation.Kind, _ earlier: History.Hold, _ later: History.Hold, _ text: String
    ) {
        let offender = earlier.token < later.token ? later.process : earlier.process
        if history.externalClients.contains(offender) {
            let processes = [earlier.process, later.process]
            report.externalViolations.append(.init(kind: kind, at: later.from, processes: processes, text: text))
        } else {
            violate(kind, later.from, [earlier.process, later.process], text)
        }
    }

    private mutating func count() {
        report.invocations = history.operations.count
        report.grants = history.holds.count
        for operation in history.operations {
            let outcome = operation.outcome ?? (operation.abandoned != nil ? "its process was killed" : "under way")
            report.outcomes[outcome, default: 0] += 1
            guard let hold = operation.hold else { continue }
            report.waitsByAccess[operation.access, default: []].append(hold.from - operation.invoked)
            report.grantsByProcess[operation.process, default: 0] += 1
        }
        for access in report.waitsByAccess.keys { report.waitsByAccess[access]?.sort() }
        for fault in history.faults { report.faults[fault.fault, default: 0] += 1 }
    }

    // MARK: Exclusion, by ZooKeeper's order

    private mutating func checkStamps() {
        let stamped = history.holds.compactMap { hold in hold.stamps.map { (hold: hold, stamps: $0) } }
            .sorted { $0.stamps.lowerBound < $1.stamps.lowerBound }
        report.stampedHolds = stamped.count
        // Of the holds before: the one whose stamps end last, and the one with the highest token; separately for both
        // kinds.
        var furthest: [Bool: (hold: History.Hold, end: Int64)] = [:]
        var highest: [Bool: History.Hold] = [:]
        for (hold, stamps) in stamped {
            for isShared in hold.access.isShared ? [false] : [false, true] {
                if let (other, end) = furthest[isShared], end >= stamps.lowerBound {
                    violate(
                        .exclusion, other, hold,
                        "\(other.operation) and \(hold.operation) both held it at zxid \(hex(stamps.lowerBound)): tokens "
                            + "\(other.token) and \(hold.token)")
                }
                if let other = highest[isShared], other.token >= hold.token, !hold.continues(other) {
                    report.overtakings += 1
                    violate(
                        .tokenOrder, other, hold,
                        "\(hold.operation) held it after \(other.operation), and its token is not higher: "
                            + "\(hold.token) after \(other.token)")
                }
            }
            let kind = hold.access.isShared
            if stamps.upperBound > furthest[kind]?.end ?? .min { furthest[kind] = (hold, stamps.upperBound) }
            if hold.token > highest[kind]?.token ?? "" { highest[kind] = hold }
        }
    }

    // MARK: Fencing

    private mutating func checkStore() {
        let accepted = history.writes.compactMap { write in write.zxid.map { (write: write, zxid: $0) } }
            .sorted { $0.zxid < $1.zxid }
        report.acceptedWrites = accepted.count
        report.refusedWrites = history.writes.count - accepted.count
        for (earlier, later) in zip(accepted, accepted.dropFirst()) where later.write.token < earlier.write.token {
            violate(
                .fencing, later.write.at, [earlier.write.process, later.write.process],
                "the store accepted \(later.write.token) of \(later.write.operation) after \(earlier.write.token) of "
                    + earlier.write.operation)
        }
    }

    // MARK: On the clock

    private mutating func checkOverlaps() {
        var running: [History.Hold] = []
        for hold in history.holds {
            running.removeAll { $0.to <= hold.from }
            for other in running where other.conflicts(with: hold) {
                // The order is that of the tokens: on the clock the later holder may have been seen first.
                let former = other.token < hold.token ? other : hold
                let cause = cause(of: former, until: min(other.to, hold.to))
                report.overlaps[cause, default: 0] += 1
                if cause == .none {
                    violate(
                        .overlap, hold.from, [other.process, hold.process],
                        "the bodies of \(other.operation) and \(hold.operation) ran at the same time for "
                            + "\(milliseconds(min(other.to, hold.to) - hold.from)), without a fault of \(former.process)"
                    )
                }
            }
            running.append(hold)
        }
    }

    private func cause(of hold: History.Hold, until end: Int64) -> HistoryReport.Cause {
        let time = hold.from...max(hold.from, end)
        func wasDone(_ kinds: Set<HistoryEvent.Fault>, to process: String? = nil, aftermath: Duration = .zero) -> Bool {
            let stretch = (time.lowerBound - microseconds(aftermath))...time.upperBound
            return history.faults(kinds, during: stretch).contains { process == nil || $0.process == process }
        }
        if wasDone([.freezeClient], to: hold.process) { return .freeze }
        if wasDone([.expire], to: hold.process, aftermath: slack) { return .expiry }
        if wasDone([.partitionClient], to: hold.process, aftermath: aftermath) { return .partition }
        if wasDone([.freezeServer, .partitionServer], aftermath: aftermath) { return .partition }
        if history.externalClients.contains(hold.process) { return .external }
        return .none
    }

    private mutating func checkCancellations() {
        for hold in history.holds {
            guard let cancelled = hold.cancelled, cancelled.at > cancelled.expires + microseconds(slack) else {
                continue
            }
            let wasFrozen = history.faults([.freezeClient], during: hold.from...cancelled.at)
                .contains { $0.process == hold.process }
            if wasFrozen { continue }
            violate(
                .lateCancellation, cancelled.at, [hold.process],
                "\(hold.operation) was cancelled \(milliseconds(cancelled.at - cancelled.expires)) after its deadline")
        }
    }

    private mutating func checkReturns() {
        for operation in history.operations where operation.end == nil {
            violate(
                .neverReturned, history.ended, [operation.process],
                "\(operation.name) did not return although its process continued")
        }
    }

    private mutating func checkStalls() {
        for stall in history.stalls {
            let first =
                stall.node.isEmpty ? "the queue is empty" : "first in the queue: \(stall.node) of \(stall.process)"
            violate(
                .stalled, stall.at, [stall.process],
                "there was no grant for \(milliseconds(stall.length)) after all faults had ended; \(first)")
        }
    }

    private mutating func checkLives() {
        for life in history.lives where life.isCrash {
            violate(.crash, life.to, [life.process], "\(life.process) ended without having been killed: \(life.end)")
        }
    }

    // MARK: Recovery

    private mutating func measureRecoveries() {
        let grants = history.holds.map(\.from)
        for fault in history.faults {
            // The first one after it; `grants` is sorted.
            var low = 0
            var high = grants.count
            while low < high {
                let middle = (low + high) / 2
                if grants[middle] > fault.from { high = middle } else { low = middle + 1 }
            }
            report.recoveries.append(
                .init(
                    fault: fault.fault, process: fault.process, at: fault.from,
                    duration: low < grants.count ? grants[low] - fault.from : nil))
        }
    }

    private func hex(_ zxid: Int64) -> String { "0x" + String(UInt64(bitPattern: zxid), radix: 16) }

    private func microseconds(_ duration: Duration) -> Int64 { Int64(duration / .microseconds(1)) }

    private func milliseconds(_ microseconds: Int64) -> String { "\(microseconds / 1_000) ms" }
}
