import SystemPackage
import ZooKeeperRecipes

/// The result of the demonstration: the checks, and how many of them failed.
struct Verdict {
    private let timeline: Timeline
    private var lines: [String] = []
    private(set) var violations = 0

    init(_ timeline: Timeline, file: FilePath) {
        self.timeline = timeline
        checkFile(Self.read(file))
        checkHistory()
        checkOverlaps()
        checkScript()
    }

    func print() {
        say("")
        say("Who held the lock when:")
        say("")
        for line in timeline.picture() { say(line) }
        say("")
        for line in lines { say(line) }
        say("")
        say("\(violations) violations")
    }

    private mutating func check(_ isFine: Bool, _ text: String) {
        if !isFine { violations += 1 }
        lines.append((isFine ? "  ok  " : "  VIOLATION  ") + text)
    }

    /// The store has exactly what it said it had accepted, and its tokens only grow.
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

    /// Checks ZooKeeper's own order of transactions: no two holds overlap, and later ones have higher tokens.
    private mutating func checkHistory() {
        let holds = timeline.holds.sorted { $0.firstStamp < $1.firstStamp }
        let isInOrder = zip(holds, holds.dropFirst()).allSatisfy { earlier, later in
            (earlier.lastStamp ?? earlier.firstStamp) < later.firstStamp && earlier.token < later.token
        }
        check(isInOrder, "in ZooKeeper's order of transactions, no two of the \(holds.count) holds overlap")
    }

    /// On the clock they may overlap only where a process stood still: it cannot know that it has lost the lock.
    private mutating func checkOverlaps() {
        let holds = timeline.holds
        var overlaps = 0
        var excused = 0
        for (index, hold) in holds.enumerated() {
            for other in holds[(index + 1)...] where other.from < hold.to {
                if hold.wasFrozen || other.wasFrozen { excused += 1 } else { overlaps += 1 }
            }
        }
        check(
            overlaps == 0,
            "on the clock, \(overlaps) holds overlap without a freeze, \(excused) with one (which only fencing can stop)"
        )
    }

    /// Checks that everything that was to be shown has happened.
    private mutating func checkScript() {
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
