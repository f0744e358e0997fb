// SPDX-License-Identifier: Apache-2.0

/// A period in which operations wait and none holds, with the reason as far as the history tells it.
struct HistoryGap: Hashable {
    enum Reason: Hashable {
        /// No server leads the ensemble.
        case noLeader
        /// A leader has been elected after a part of this gap without one, and there was no grant yet.
        case afterElection(at: Int64)
        /// The node in front belongs to a process that was killed, and stays until its session times out.
        case killed(process: String, at: Int64)
        /// The node in front belongs to a process that is frozen.
        case frozen(process: String, since: Int64)
        /// The node in front belongs to a process that is cut off, and does not hold any more by its own clock.
        case cutOff(process: String, since: Int64)
        /// The node in front belongs to a process that has another fault just then.
        case faulty(process: String, HistoryEvent.Fault, since: Int64)
        /// The node in front belongs to this process, of which no fault is known.
        case next(process: String)
        case unknown
    }

    var from: Int64
    var to: Int64
    var reason: Reason

    /// The shortest gap that is told, in microseconds: shorter ones are ordinary handovers.
    static let minimum: Int64 = 400_000
    /// The longest beginning of a gap that is added to what is known right after it, in microseconds: an observer looks
    /// only so often.
    static let interval: Int64 = 150_000
}

extension History {
    /// The periods in which operations wait and none holds, taken apart by reason.
    var gaps: [HistoryGap] {
        let waits = Self.union(operations.map { ($0.invoked, $0.hold?.from ?? $0.end ?? ended) })
        let held = Self.union(holds.map { ($0.from, $0.to) })
        let free = Self.subtract(held, from: waits).filter { $0.to - $0.from >= HistoryGap.minimum }
        let changes = times
        var gaps: [HistoryGap] = []
        for (from, to) in free {
            var cuts = Set([from, to])
            for time in changes where time > from && time < to { cuts.insert(time) }
            var parts: [HistoryGap] = []
            let sorted = cuts.sorted()
            for (start, end) in zip(sorted, sorted.dropFirst()) {
                var reason = reason(from: start, to: end, gap: from)
                if reason == .unknown || isNext(reason), let election = election(before: start, in: parts) {
                    reason = .afterElection(at: election)
                }
                let isLate = parts.last.map { $0.reason == .unknown && $0.to - $0.from <= HistoryGap.interval } ?? false
                if isLate, reason != .unknown { parts[parts.count - 1].reason = reason }
                if parts.last?.reason == reason {
                    parts[parts.count - 1].to = end
                } else {
                    parts.append(HistoryGap(from: start, to: end, reason: reason))
                }
            }
            gaps += parts
        }
        return gaps
    }

    /// The times at which a reason may begin or end.
    private var times: [Int64] {
        var times = leaders.flatMap { [$0.from, $0.to, sessionEnd(HistoryEvent.run, $0.from)] }
        times += firsts.flatMap { [$0.from, $0.to] }
        times += faults.flatMap { [$0.from, $0.to, sessionEnd($0.process, $0.from)] }
        times += lives.flatMap { [$0.to, sessionEnd($0.process, $0.to)] }
        return times
    }

    private func isNext(_ reason: HistoryGap.Reason) -> Bool { if case .next = reason { true } else { false } }

    /// Returns the time of the election after a part of the same gap without a leader.
    private func election(before time: Int64, in parts: [HistoryGap]) -> Int64? {
        guard parts.contains(where: { $0.reason == .noLeader }) else { return nil }
        // Sessions count anew from the election on. What lasts longer has another reason.
        guard let election = leaders.last(where: { $0.from <= time })?.from,
            time < max(sessionEnd(HistoryEvent.run, election), election + 1)
        else { return nil }
        return election
    }

    private func reason(from: Int64, to: Int64, gap: Int64) -> HistoryGap.Reason {
        if let first = leaders.first, first.from <= from, !leaders.contains(where: { $0.from <= from && $0.to > from })
        {
            return .noLeader
        }
        let first = firsts.last {
            $0.from <= from && $0.to > from && !$0.node.isEmpty && $0.process != HistoryEvent.run
        }
        if let first, let reason = reason(of: first.process, first.node, at: from) { return reason }
        if let last = holds.last(where: { $0.to <= gap }), first == nil || first?.process == last.process,
            let reason = reason(after: last, at: from)
        {
            return reason
        }
        return first.map { .next(process: $0.process) } ?? .unknown
    }

    /// Returns why a node that was seen in front does not hold.
    private func reason(of process: String, _ node: String, at time: Int64) -> HistoryGap.Reason? {
        // A process that was started again has other nodes: this one was granted, or its owner is gone.
        let isGrantedLater = holds.contains { $0.node == node && $0.from >= time }
        if !isGrantedLater, let end = death(of: process, before: time), sessionEnd(process, end) > time {
            return .killed(process: process, at: end)
        }
        return standstill(of: process, at: time)
    }

    /// Returns why the node of the last holder is still there.
    private func reason(after hold: Hold, at time: Int64) -> HistoryGap.Reason? {
        if let end = death(of: hold.process, before: time), end == hold.to, sessionEnd(hold.process, end) > time {
            return .killed(process: hold.process, at: end)
        }
        guard
            let fault = faults([.partitionClient], during: hold.to...hold.to).first(where: {
                $0.process == hold.process
            }),
            sessionEnd(hold.process, fault.from) > time, fault.to > time
        else { return nil }
        return .cutOff(process: hold.process, since: fault.from)
    }

    /// Returns the fault that a process has at a time; that it stands still before others.
    private func standstill(of process: String, at time: Int64) -> HistoryGap.Reason? {
        let own = faults.filter { $0.process == process && $0.from <= time && $0.to > time && $0.fault != .killClient }
        if let fault = own.first(where: { $0.fault == .freezeClient }) {
            return .frozen(process: process, since: fault.from)
        }
        if let fault = own.first(where: { $0.fault == .partitionClient }) {
            return .cutOff(process: process, since: fault.from)
        }
        return own.first.map { .faulty(process: process, $0.fault, since: $0.from) }
    }

    /// Returns the time at which a process was killed last, if that was before.
    private func death(of process: String, before time: Int64) -> Int64? {
        let kills = faults.filter { $0.fault == .killClient && $0.process == process && $0.from <= time }
        guard let kill = kills.last else { return nil }
        // The process ends a moment after the fault has begun.
        return lives.first { $0.process == process && $0.to >= kill.from && $0.to <= time }?.to
    }

    /// Returns the time at which the servers end the session of a process that is silent since then. Without a known
    /// time-out: at once.
    private func sessionEnd(_ process: String, _ since: Int64) -> Int64 {
        guard let timeout = sessionTimeouts[process] ?? sessionTimeouts[HistoryEvent.run] else { return since }
        // Servers end sessions in steps, up to one tick late; a tick is at most half of the shortest time-out.
        return since + timeout + timeout / 2
    }

    // MARK: Sets of times

    private typealias Span = (from: Int64, to: Int64)

    private static func union(_ spans: [Span]) -> [Span] {
        var result: [Span] = []
        for span in spans.sorted(by: { $0.from < $1.from }) where span.to > span.from {
            if let last = result.last, last.to >= span.from {
                result[result.count - 1].to = max(last.to, span.to)
            } else {
                result.append(span)
            }
        }
        return result
    }

    /// Subtracts spans; both are unions.
    private static func subtract(_ holes: [Span], from spans: [Span]) -> [Span] {
        var result: [Span] = []
        var next = 0
        for span in spans {
            var from = span.from
            while next < holes.count, holes[next].to <= from { next += 1 }
            var index = next
            while index < holes.count, holes[index].from < span.to {
                if holes[index].from > from { result.append((from, holes[index].from)) }
                from = max(from, holes[index].to)
                index += 1
            }
            if from < span.to { result.append((from, span.to)) }
        }
        return result
    }
}
