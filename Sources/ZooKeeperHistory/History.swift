/// The course of a run, put together from its events: waits, holds and faults.
package struct History: Sendable {
    /// One call of a recipe, from its beginning to its return.
    package struct Operation: Sendable, Hashable {
        package var name: String
        package var process: String
        package var access: HistoryEvent.Access
        package var invoked: Int64
        package var hold: Hold?
        package var returned: Int64?
        package var outcome: String?
        /// The end of its process, if that came before it returned.
        package var abandoned: Int64?

        /// The moment at which it was over; `nil` if the history ends before.
        package var end: Int64? { returned ?? abandoned }
    }

    /// One run of a body.
    package struct Hold: Sendable, Hashable {
        package var operation: String
        package var process: String
        package var access: HistoryEvent.Access
        package var token: String
        package var node: String
        package var from: Int64
        /// The moment at which the body had ended, or its process was gone.
        package var to: Int64
        /// The range of ZooKeeper's own order in which it certainly held.
        package var stamps: ClosedRange<Int64>?
        package var cancelled: (at: Int64, expires: Int64)? {
            cancelledAt.map { ($0, expires) }
        }
        fileprivate var cancelledAt: Int64?
        fileprivate var expires: Int64 = 0

        /// Tells whether the two may not be held at the same time.
        package func conflicts(with other: Hold) -> Bool { !(access.isShared && other.access.isShared) }

        /// Tells whether a writer goes on as this reader: the token stays.
        package func continues(_ other: Hold) -> Bool {
            process == other.process && token == other.token && access.isShared && !other.access.isShared
        }
    }

    /// A fault.
    package struct FaultSpan: Sendable, Hashable {
        package var fault: HistoryEvent.Fault
        package var process: String
        package var from: Int64
        package var to: Int64
    }

    /// One process from its start to its end.
    package struct Life: Sendable, Hashable {
        package var process: String
        package var from: Int64
        package var to: Int64
        package var end: String
    }

    /// A time at the end in which nobody was granted although everything was mended.
    package struct Stall: Sendable, Hashable {
        package var at: Int64
        /// In microseconds.
        package var length: Int64
        /// The first in the queue, and whose it is; empty if there was none.
        package var node: String
        package var process: String
    }

    /// An answer of the fenced store.
    package struct StoreWrite: Sendable, Hashable {
        package var process: String
        package var operation: String
        package var token: String
        package var at: Int64
        /// `nil`: it was refused.
        package var zxid: Int64?
    }

    package private(set) var operations: [Operation] = []
    /// In the order of their beginning.
    package private(set) var holds: [Hold] = []
    package private(set) var faults: [FaultSpan] = []
    package private(set) var writes: [StoreWrite] = []
    /// The leaders of the ensemble, each with the moment from which on it led.
    package private(set) var leaders: [(at: Int64, process: String)] = []
    package private(set) var lives: [Life] = []
    /// Those that are not clients.
    package private(set) var servers: Set<String> = []
    /// Processes of other libraries.
    package private(set) var externalClients: Set<String> = []
    /// The run's description of itself.
    package private(set) var title = ""
    package private(set) var stalls: [Stall] = []
    package private(set) var leftInQueue: Int64 = 0
    package private(set) var began: Int64
    package private(set) var ended: Int64

    /// - Parameter events: In any order.
    package init(_ events: [HistoryEvent]) {
        let sorted = events.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
        began = sorted.first?.element.at ?? 0
        ended = sorted.last?.element.at ?? 0
        var collector = Collector()
        for (_, event) in sorted { collector.take(event) }
        collector.close(at: ended)
        operations = collector.operations
        holds = collector.operations.compactMap(\.hold).sorted { $0.from < $1.from }
        faults = collector.faults.sorted { $0.from < $1.from }
        writes = collector.writes
        leaders = collector.leaders
        servers = collector.servers
        externalClients = collector.externalClients
        lives = collector.lives.sorted { $0.from < $1.from }
        title = collector.title
        stalls = collector.stalls
        leftInQueue = collector.leftInQueue
    }

    /// The faults of this kind that touched a stretch of time.
    package func faults(_ kinds: Set<HistoryEvent.Fault>, during time: ClosedRange<Int64>) -> [FaultSpan] {
        faults.filter { kinds.contains($0.fault) && $0.from <= time.upperBound && $0.to >= time.lowerBound }
    }

    /// Takes the events one by one.
    private struct Collector {
        var operations: [Operation] = []
        var faults: [FaultSpan] = []
        var writes: [StoreWrite] = []
        var leaders: [(at: Int64, process: String)] = []
        var stalls: [Stall] = []
        var leftInQueue: Int64 = 0
        var lives: [Life] = []
        var servers: Set<String> = []
        var externalClients: Set<String> = []
        var title = ""
        private var begun: [String: Int64] = [:]
        private var places: [String: Int] = [:]
        private var openHolds: Set<Int> = []
        private var openFaults: [Int64: FaultSpan] = [:]

        mutating func take(_ event: HistoryEvent) {
            switch event.kind {
            case .began(let detail):
                if event.process == "run" { title = detail } else { begun[event.process] = event.at }
            case .ended(let detail):
                abandon(event.process, event.at)
                guard let from = begun.removeValue(forKey: event.process) else { return }
                lives.append(Life(process: event.process, from: from, to: event.at, end: detail))
            case .invoked(let name, let access):
                places[name] = operations.count
                operations.append(
                    Operation(name: name, process: event.process, access: access, invoked: event.at))
            case .granted(let name, let token, let node):
                guard let place = places[name] else { return }
                operations[place].hold = Hold(
                    operation: name, process: event.process, access: operations[place].access, token: token,
                    node: node, from: event.at, to: event.at)
                openHolds.insert(place)
            case .stamped(let name, let zxid):
                change(name) { hold in
                    hold.stamps = hold.stamps.map { min($0.lowerBound, zxid)...max($0.upperBound, zxid) } ?? zxid...zxid
                }
            case .cancelled(let name, let expires):
                change(name) { hold in
                    hold.cancelledAt = event.at
                    hold.expires = expires
                }
            case .bodyEnded(let name):
                change(name) { $0.to = event.at }
                if let place = places[name] { openHolds.remove(place) }
            case .returned(let name, let outcome):
                guard let place = places[name] else { return }
                operations[place].returned = event.at
                operations[place].outcome = outcome
            case .accepted(let name, let token, let zxid):
                writes.append(
                    StoreWrite(process: event.process, operation: name, token: token, at: event.at, zxid: zxid))
            case .refused(let name, let token):
                writes.append(
                    StoreWrite(process: event.process, operation: name, token: token, at: event.at, zxid: nil))
            case .faultBegan(let number, let fault):
                openFaults[number] = FaultSpan(fault: fault, process: event.process, from: event.at, to: event.at)
            case .faultEnded(let number):
                guard var fault = openFaults.removeValue(forKey: number) else { return }
                fault.to = event.at
                faults.append(fault)
            case .isExternal: externalClients.insert(event.process)
            case .serves: servers.insert(event.process)
            case .leads: leaders.append((event.at, event.process))
            case .stalled(let node, let length):
                stalls.append(Stall(at: event.at, length: length, node: node, process: event.process))
            case .leftInQueue(let count): leftInQueue += count
            }
        }

        /// Its process is gone.
        private mutating func abandon(_ process: String, _ at: Int64) {
            for place in operations.indices.reversed() where operations[place].process == process {
                if operations[place].end != nil { continue }
                operations[place].abandoned = at
                if openHolds.remove(place) != nil { operations[place].hold?.to = at }
            }
        }

        /// Closes what is still going on when the history ends.
        mutating func close(at end: Int64) {
            for (process, from) in begun { lives.append(Life(process: process, from: from, to: end, end: "")) }
            for place in openHolds { operations[place].hold?.to = end }
            for var fault in openFaults.values {
                fault.to = end
                faults.append(fault)
            }
        }

        private mutating func change(_ name: String, _ body: (inout Hold) -> Void) {
            guard let place = places[name], operations[place].hold != nil else { return }
            operations[place].hold.mutate(body)
        }
    }
}

extension Optional {
    fileprivate mutating func mutate(_ body: (inout Wrapped) -> Void) {
        if var value = self {
            body(&value)
            self = value
        }
    }
}
