// SPDX-License-Identifier: Apache-2.0

/// The events of the run, in the order of their arrival.
struct Timeline {
    enum Event {
        case message(WorkerMessage)
        case stored(id: String, token: String, StoreAnswer)
        case killed
        case frozen
        case thawed
    }

    struct Entry {
        var at: Int64
        var worker: Int
        var event: Event
    }

    /// One worker's hold of the lock, as observed from outside.
    struct Hold {
        var worker: Int
        var token: String
        var from: Int64
        /// The time at which it ended: the worker released the lock, noticed its loss, or was killed.
        var to: Int64
        var firstStamp: Int64
        var lastStamp: Int64?
        /// Indicates whether the worker was frozen meanwhile: then it may overlap with the next holder for a moment.
        var wasFrozen = false
        /// Indicates whether the worker released the lock.
        var isComplete = false
    }

    let workers: Int
    let start: Int64
    private(set) var entries: [Entry] = []

    init(workers: Int, start: Int64) {
        self.workers = workers
        self.start = start
    }

    /// Records an event, and prints it unless it is of little interest.
    mutating func add(_ worker: Int, _ at: Int64, _ event: Event) {
        entries.append(Entry(at: at, worker: worker, event: event))
        if let text = Self.describe(event) { printLine("\(Self.seconds(at - start))  w\(worker)  \(text)") }
    }

    /// The holds that have ended, in the order of their beginning.
    var holds: [Hold] {
        var open: [Int: Hold] = [:]
        var done: [Hold] = []
        func end(_ worker: Int, _ at: Int64, stamp: Int64? = nil, isComplete: Bool) {
            guard var hold = open.removeValue(forKey: worker) else { return }
            hold.to = at
            hold.lastStamp = stamp
            hold.isComplete = isComplete
            done.append(hold)
        }
        for entry in entries.sorted(by: { $0.at < $1.at }) {
            switch entry.event {
            case .message(.holding(let token, let zxid)):
                open[entry.worker] = Hold(
                    worker: entry.worker, token: token, from: entry.at, to: entry.at, firstStamp: zxid)
            case .message(.done(_, let zxid)): end(entry.worker, entry.at, stamp: zxid, isComplete: true)
            case .message(.lost): end(entry.worker, entry.at, isComplete: false)
            case .killed: end(entry.worker, entry.at, isComplete: false)
            case .frozen: open[entry.worker]?.wasFrozen = true
            default: break
            }
        }
        return done.sorted { $0.from < $1.from }
    }

    private static func describe(_ event: Event) -> String? {
        switch event {
        case .message(.holding(let token, _)): "holds the lock, token \(token)"
        case .message(.done): "releases the lock"
        case .message(.lost(_, let reason)): "notices that it has lost the lock: \(reason)"
        case .message(.finished): "has finished"
        case .message(.waiting), .message(.record): nil
        case .stored(let id, let token, .accepted): "writes \(id) with token \(token): accepted"
        case .stored(let id, let token, .refused): "writes \(id) with token \(token): REFUSED, it is stale"
        case .killed: "is killed with -9"
        case .frozen: "is frozen"
        case .thawed: "continues without checking its lease"
        }
    }

    static func seconds(_ milliseconds: Int64) -> String {
        let text = "\(milliseconds / 1_000).\(String("00\(abs(milliseconds) % 1_000)".suffix(3)))s"
        return String(repeating: " ", count: max(0, 8 - text.count)) + text
    }
}

// MARK: The picture

extension Timeline {
    /// Draws the holds over time, with a lane for each worker.
    func picture(width: Int = 100) -> [String] {
        guard let end = entries.map(\.at).max(), end > start else { return [] }
        func column(_ at: Int64) -> Int { min(width - 1, Int((at - start) * Int64(width) / (end - start + 1))) }
        var lanes = Array(repeating: Array(repeating: Character(" "), count: width), count: workers)
        func fill(_ worker: Int, _ from: Int64, _ to: Int64, _ mark: Character) {
            for index in column(from)...max(column(from), column(to)) { lanes[worker][index] = mark }
        }
        let sorted = entries.sorted { $0.at < $1.at }
        for worker in 0..<workers {
            let own = sorted.filter { $0.worker == worker }
            for (entry, next) in zip(own, own.dropFirst() + [Entry(at: end, worker: worker, event: .thawed)]) {
                if case .message(.waiting) = entry.event { fill(worker, entry.at, next.at, "·") }
            }
        }
        for hold in holds { fill(hold.worker, hold.from, hold.to, "█") }
        for worker in 0..<workers {
            let own = sorted.filter { $0.worker == worker }
            if let frozen = own.first(where: { if case .frozen = $0.event { true } else { false } }),
                let thawed = own.first(where: { if case .thawed = $0.event { true } else { false } })
            {
                fill(worker, frozen.at, thawed.at, "~")
            }
            for entry in own {
                switch entry.event {
                case .killed: lanes[worker][column(entry.at)] = "✗"
                case .stored(_, _, .refused): lanes[worker][column(entry.at)] = "!"
                default: break
                }
            }
        }
        return lanes.enumerated().map { "w\($0.offset) │\(String($0.element))│" }
            + [
                "   0 s" + String(repeating: " ", count: width - 10) + Self.seconds(end - start),
                "   █ holds   · waits   ~ frozen   ✗ killed   ! late write refused",
            ]
    }
}
