// SPDX-License-Identifier: Apache-2.0

/// The layout of a timeline: lanes and the marks on them, without text and colours.
struct TimelineLayout {
    struct Lane: Hashable {
        enum Kind: Hashable {
            /// The lane with the holds of all processes.
            case holder
            case client(Int)
            case server
        }

        var name: String
        var kind: Kind
        /// The number of rows of marks.
        var rows: Int
        /// The distance from the top, in pixels.
        var top: Int
        var height: Int
    }

    struct Mark {
        enum Shape: Hashable {
            case hold(client: Int, isShared: Bool)
            /// A period in which none holds, with labels from the longest to the shortest; and whether they tell the
            /// reason.
            case gap(labels: [String], isExplained: Bool)
            case wait(client: Int)
            case fault(HistoryEvent.Fault)
            case down
            case leads
            case killed
            case refused
            case violation
        }

        var lane: Int
        /// The row of the lane; `nil`: all of the lane's height.
        var row: Int?
        var from: Int64
        var to: Int64
        var shape: Shape
        /// The text that is shown for the mark under the pointer.
        var text: String
    }

    private(set) var lanes: [Lane] = []
    private(set) var marks: [Mark] = []
    /// The height in pixels, without the axis.
    private(set) var height = 0
    let began: Int64
    let ended: Int64
    private var laneIndices: [String: Int] = [:]

    init(_ history: History, _ report: HistoryReport) {
        // Begins with the first operation or fault: the servers take some time to start.
        began = (history.operations.map(\.invoked) + history.faults.map(\.from)).min() ?? history.began
        ended = max(history.ended, began + 1)
        let clients = Set(history.operations.map(\.process)).union(history.lives.map(\.process)).sorted(
            by: Self.inOrder)
        let servers = history.servers.union(history.faults.map(\.process) + history.leaders.map(\.process))
            .subtracting([HistoryEvent.run])
            .subtracting(clients).sorted(by: Self.inOrder)
        let rows = Self.rows(history)
        add(Lane(name: "holder", kind: .holder, rows: 1, top: 0, height: 30))
        for (index, client) in clients.enumerated() {
            let count = (history.operations.filter { $0.process == client }.compactMap { rows[$0.name] }.max() ?? 0) + 1
            add(Lane(name: client, kind: .client(index), rows: count, top: 0, height: 10 + 14 * count))
        }
        for server in servers { add(Lane(name: server, kind: .server, rows: 1, top: 0, height: 24)) }
        markGaps(history)
        markFaults(history)
        markOperations(history, rows)
        markLeaders(history)
        markViolations(report)
    }

    private mutating func add(_ lane: Lane) {
        var lane = lane
        lane.top = height
        laneIndices[lane.name] = lanes.count
        lanes.append(lane)
        height += lane.height
    }

    /// Orders names so that c2 comes before c10.
    private static func inOrder(_ left: String, _ right: String) -> Bool {
        (left.utf8.count, left) < (right.utf8.count, right)
    }

    /// Assigns each operation the first row of its lane that is free.
    private static func rows(_ history: History) -> [String: Int] {
        var free: [String: [Int64]] = [:]
        var rows: [String: Int] = [:]
        for operation in history.operations {
            var ends = free[operation.process] ?? []
            let end = operation.end ?? history.ended
            if let row = ends.firstIndex(where: { $0 <= operation.invoked }) {
                ends[row] = end
                rows[operation.name] = row
            } else {
                rows[operation.name] = ends.count
                ends.append(end)
            }
            free[operation.process] = ends
        }
        return rows
    }

    private func client(_ process: String) -> Int {
        guard let lane = laneIndices[process], case .client(let index) = lanes[lane].kind else { return 0 }
        return index
    }

    // MARK: Marks

    private mutating func mark(
        _ process: String, _ shape: Mark.Shape, _ from: Int64, _ to: Int64, row: Int? = nil, _ text: String
    ) {
        guard let lane = laneIndices[process], to >= began else { return }
        marks.append(Mark(lane: lane, row: row, from: max(from, began), to: to, shape: shape, text: text))
    }

    private mutating func markFaults(_ history: History) {
        for life in history.lives {
            if let next = history.lives.first(where: { $0.process == life.process && $0.from >= life.to }) {
                mark(life.process, .down, life.to, next.from, "\(life.process) is down\n" + stretch(life.to, next.from))
            }
        }
        for fault in history.faults {
            if fault.fault == .killClient || fault.fault == .killServer {
                if fault.fault == .killServer {
                    mark(
                        fault.process, .down, fault.from, fault.to,
                        "\(fault.process) is down\n" + stretch(fault.from, fault.to))
                }
                mark(
                    fault.process, .killed, fault.from, fault.from,
                    "\(fault.process) is killed with -9\n" + time(fault.from))
            } else {
                mark(
                    fault.process, .fault(fault.fault), fault.from, fault.to,
                    "\(fault.fault.rawValue) \(fault.process)\n" + stretch(fault.from, fault.to))
            }
        }
    }

    private mutating func markOperations(_ history: History, _ rows: [String: Int]) {
        for operation in history.operations {
            let row = rows[operation.name]
            let index = client(operation.process)
            let waited = operation.hold?.from ?? operation.end ?? ended
            mark(
                operation.process, .wait(client: index), operation.invoked, waited, row: row,
                "\(operation.name) waits (\(operation.access.rawValue))\n" + stretch(operation.invoked, waited)
                    + (operation.hold == nil ? "\nnot granted: \(operation.outcome ?? "no answer")" : ""))
            guard let hold = operation.hold else { continue }
            let stamps = hold.stamps.map { "\nstamps 0x\(hex($0.lowerBound)) to 0x\(hex($0.upperBound))" } ?? ""
            let text =
                "\(operation.name) holds (\(operation.access.rawValue))\n\(stretch(hold.from, hold.to))\n"
                + "token \(hold.token)\nnode \(hold.node)\(stamps)\n\(operation.outcome ?? "its process was killed")"
            let shape = Mark.Shape.hold(client: index, isShared: hold.access.isShared)
            mark("holder", shape, hold.from, hold.to, row: 0, text)
            mark(operation.process, shape, hold.from, hold.to, row: row, text)
        }
        for write in history.writes where write.zxid == nil {
            mark(
                write.process, .refused, write.at, write.at,
                "late write of \(write.operation) refused by the store\n\(time(write.at))\ntoken \(write.token)")
        }
    }

    private mutating func markLeaders(_ history: History) {
        for leader in history.leaders {
            mark(
                leader.process, .leads, leader.from, leader.to,
                "\(leader.process) leads the servers\n" + stretch(leader.from, leader.to))
        }
    }

    private mutating func markGaps(_ history: History) {
        for gap in history.gaps {
            let (text, labels) = words(gap.reason)
            let isExplained =
                switch gap.reason {
                case .unknown, .next: false
                default: true
                }
            mark(
                "holder", .gap(labels: labels, isExplained: isExplained), gap.from, gap.to,
                "no process holds, some wait\n\(stretch(gap.from, gap.to))\n\(text)")
        }
    }

    /// Returns the reason for a gap in words, and as labels.
    private func words(_ reason: HistoryGap.Reason) -> (text: String, labels: [String]) {
        switch reason {
        case .noLeader:
            (
                "no server leads: without a quorum and a leader the servers grant nothing",
                ["no leader: the servers elect one", "no leader", "election"]
            )
        case .afterElection(let at):
            (
                "a leader was elected \(time(at)); the first grant after it ends this",
                ["after the election", "elected"]
            )
        case .killed(let process, let at):
            (
                "the node in front is of \(process), which was killed \(time(at)):\n"
                    + "it stays until the servers end the session of \(process), after the session time-out",
                ["\(process) killed: session time-out", "\(process) killed", "killed"]
            )
        case .frozen(let process, let since):
            (
                "the node in front is of \(process), which is frozen since \(Self.seconds(since - began)):\n"
                    + "it stays until \(process) goes on, or its session times out",
                ["\(process) is frozen", "frozen"]
            )
        case .cutOff(let process, let since):
            (
                "the node in front is of \(process), which is cut off since \(Self.seconds(since - began)):\n"
                    + "it stays until \(process) is back, or its session times out",
                ["\(process) cut off: session time-out", "\(process) cut off", "cut off"]
            )
        case .faulty(let process, let fault, let since):
            (
                "the node in front is of \(process), which has the fault \(fault.rawValue) since "
                    + Self.seconds(since - began),
                ["\(process): \(fault.rawValue)", process]
            )
        case .next(let process):
            (
                "the node in front is of \(process); the history does not tell why it is not granted yet",
                ["\(process) is next", "next"]
            )
        case .unknown: ("the history does not tell why", [])
        }
    }

    private mutating func markViolations(_ report: HistoryReport) {
        for violation in report.violations {
            for process in violation.processes + ["holder"] {
                mark(
                    process, .violation, violation.at, violation.at,
                    "VIOLATION (\(violation.kind.rawValue))\n\(violation.text)\n\(time(violation.at))")
            }
        }
    }

    // MARK: Text

    private func time(_ at: Int64) -> String { "at " + Self.seconds(at - began) }

    private func stretch(_ from: Int64, _ to: Int64) -> String {
        "\(Self.seconds(from - began)) to \(Self.seconds(to - began)): \(Self.seconds(to - from))"
    }

    private func hex(_ zxid: Int64) -> String { String(UInt64(bitPattern: zxid), radix: 16) }

    static func seconds(_ microseconds: Int64) -> String {
        let digits = "\(abs(microseconds) % 1_000_000 / 1_000)"
        let sign = microseconds < 0 ? "-" : ""
        return "\(sign)\(abs(microseconds) / 1_000_000).\(String(repeating: "0", count: 3 - digits.count))\(digits) s"
    }
}
