// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import ZooKeeperRecipes

/// Checks the run: the store's file, the stamps in the history, and the overlaps of holds.
struct Checker {
    private let timeline: Timeline
    private var lines: [String] = []
    private(set) var violations = 0

    init(_ timeline: Timeline, file: FilePath) {
        self.timeline = timeline
        checkFile(Self.read(file))
        checkHistory()
        checkOverlaps()
        checkFaults()
    }

    /// Prints the picture of the run and the results of the checks.
    func printReport() {
        printLine("")
        printLine("The holders of the lock over time:")
        printLine("")
        for line in timeline.picture() { printLine(line) }
        printLine("")
        for line in lines { printLine(line) }
        printLine("")
        printLine("\(violations) violations")
    }

    private mutating func check(_ isFine: Bool, _ text: String) {
        if !isFine { violations += 1 }
        lines.append((isFine ? "  ok  " : "  VIOLATION  ") + text)
    }

    /// Checks that the file contains exactly the accepted records, and that their tokens only grow.
    private mutating func checkFile(_ records: [(token: FencingToken, id: String)]) {
        let isGrowing = zip(records, records.dropFirst()).allSatisfy { $0.token < $1.token }
        check(isGrowing, "the tokens of the \(records.count) records in the file only grow")
        var accepted: [String] = []
        for entry in timeline.entries {
            if case .stored(let id, _, .accepted) = entry.event { accepted.append(id) }
        }
        check(
            records.map(\.id) == accepted && Set(accepted).count == accepted.count,
            "every accepted record is in the file once, and no other")
    }

    /// Checks that no two holds overlap in ZooKeeper's order of transactions, and that later holds have higher tokens.
    private mutating func checkHistory() {
        let holds = timeline.holds.sorted { $0.firstStamp < $1.firstStamp }
        let isInOrder = zip(holds, holds.dropFirst()).allSatisfy { earlier, later in
            (earlier.lastStamp ?? earlier.firstStamp) < later.firstStamp && earlier.token < later.token
        }
        check(isInOrder, "in ZooKeeper's order of transactions, no two of the \(holds.count) holds overlap")
    }

    /// Checks that holds overlap on the clock only if a process was frozen, which cannot know that it has lost the
    /// lock.
    private mutating func checkOverlaps() {
        let holds = timeline.holds
        var overlaps = 0
        var overlapsWithFreeze = 0
        for (index, hold) in holds.enumerated() {
            for other in holds[(index + 1)...] where other.from < hold.to {
                if hold.wasFrozen || other.wasFrozen { overlapsWithFreeze += 1 } else { overlaps += 1 }
            }
        }
        check(
            overlaps == 0,
            "on the clock, \(overlaps) holds overlap without a freeze, \(overlapsWithFreeze) with one (which only fencing can stop)"
        )
    }

    /// Checks that one worker was killed, one was frozen, and one late write was refused.
    private mutating func checkFaults() {
        func count(_ isMeant: (Timeline.Event) -> Bool) -> Int { timeline.entries.count { isMeant($0.event) } }
        let killed = count { if case .killed = $0 { true } else { false } }
        let thawed = count { if case .thawed = $0 { true } else { false } }
        let refused = count { if case .stored(_, _, .refused) = $0 { true } else { false } }
        check(
            killed == 1 && thawed == 1 && refused == 1,
            "one holder was killed, one frozen, and the late write of the frozen one was refused")
    }

    private static func read(_ file: FilePath) -> [(token: FencingToken, id: String)] {
        guard let descriptor = try? FileDescriptor.open(file, .readOnly) else { return [] }
        defer { try? descriptor.close() }
        var text: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while true {
            // The buffer lives for the call.
            let count = unsafe part.withUnsafeMutableBytes { unsafe (try? descriptor.read(into: $0)) ?? 0 }
            if count == 0 { break }
            text += part[..<count]
        }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 2, let token = FencingToken(words[0]) else { return nil }
            return (token, String(words[1]))
        }
    }
}
