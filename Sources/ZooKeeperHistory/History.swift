// SPDX-License-Identifier: Apache-2.0

/// The history of a run, assembled from its events: operations, holds, faults, and the lives of processes.
///
/// A value for ``HistoryChecker``, which judges it, and ``HistoryTimeline``, which draws it.
public struct History: Sendable {
    /// One call of a recipe, from its beginning to its return.
    package struct Operation: Sendable, Hashable {
        package var name: String
        package var process: String
        package var access: HistoryEvent.Access
        package var invoked: Int64
        package var hold: Hold?
        package var returned: Int64?
        package var outcome: String?
        /// The time at which the process ended before the operation returned; `nil` if it returned.
        package var abandoned: Int64?

        /// The time at which it returned or its process ended; `nil` if the history ends before.
        package var end: Int64? { returned ?? abandoned }
    }

    /// One execution of a critical section.
    package struct Hold: Sendable, Hashable {
        package var operation: String
        package var process: String
        package var access: HistoryEvent.Access
        package var token: String
        package var node: String
        package var from: Int64
        /// The time at which the body had ended, or its process.
        package var to: Int64
        /// The zxids of the first and the last stamp: in ZooKeeper's order of transactions, it held at least in
        /// between.
        package var stamps: ClosedRange<Int64>?
        /// The time at which the body was cancelled, and its deadline; `nil` if it was not cancelled.
        package var cancelled: (at: Int64, expires: Int64)? {
            cancelledAt.map { ($0, expires) }
        }
        fileprivate var cancelledAt: Int64?
        fileprivate var expires: Int64 = 0

        /// Returns whether the two holds exclude each other.
        package func conflicts(with other: Hold) -> Bool { !(access.isShared && other.access.isShared) }

        /// Returns whether a writer continues as this reader, with the same token.
        package func continues(_ other: Hold) -> Bool {
            process == other.process && token == other.token && access.isShared && !other.access.isShared
        }
    }

    /// One fault from its beginning to its end.
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
        /// Tells whether nothing in the run was to end it.
        package var isCrash = false
    }

    /// The time for which one server led the ensemble.
    package struct Leadership: Sendable, Hashable {
        package var process: String
        package var from: Int64
        package var to: Int64
    }

    /// The time for which one node was first in the queue.
    package struct First: Sendable, Hashable {
        /// The process that owns it; `run` if it is not known.
        package var process: String
        /// The name of the node; empty if the queue was empty.
        package var node: String
        package var from: Int64
        package var to: Int64
    }

    /// A period at the end of a run without a grant, although all faults had ended.
    package struct Stall: Sendable, Hashable {
        package var at: Int64
        /// The length in microseconds.
        package var length: Int64
        /// The first node of the queue, and the process that owns it; empty if there was none.
        package var node: String
        package var process: String
    }

    /// One write to the fenced store, and its result.
    package struct StoreWrite: Sendable, Hashable {
        package var process: String
        package var operation: String
        package var token: String
        package var at: Int64
        /// The zxid of the write; `nil` if it was refused.
        package var zxid: Int64?
    }

    package private(set) var operations: [Operation] = []
    /// The holds in the order of their beginning.
    package private(set) var holds: [Hold] = []
    package private(set) var faults: [FaultSpan] = []
    package private(set) var writes: [StoreWrite] = []
    /// The leaders of the ensemble in the order of time.
    package private(set) var leaders: [Leadership] = []
    /// The nodes that were first in the queue, in the order of time.
    package private(set) var firsts: [First] = []
    /// The session time-outs of processes in microseconds; that of all others is the one of `run`.
    package private(set) var sessionTimeouts: [String: Int64] = [:]
    /// The names and values of settings of the run, in the order in which they were recorded.
    package private(set) var notes: [(name: String, value: String)] = []
    package private(set) var lives: [Life] = []
    /// The names of the servers.
    package private(set) var servers: Set<String> = []
    /// The names of the processes of other libraries.
    package private(set) var externalClients: Set<String> = []
    /// The description of the run.
    package private(set) var title = ""
    package private(set) var stalls: [Stall] = []
    package private(set) var leftInQueue: Int64 = 0
    package private(set) var began: Int64
    package private(set) var ended: Int64

    /// Assembles the history of a run.
    ///
    /// Events that belong to nothing, such as the grant of an operation that was never invoked, are passed over. Takes
    /// time in proportion to n log n for n events, and besides to the number of operations times the number of processes
    /// that ended.
    ///
    /// - Parameter events: The events, in any order; of those with the same time, the first was first.
    public init(_ events: [HistoryEvent]) {
        let sorted = events.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
        began = sorted.first?.element.at ?? 0
        ended = sorted.last?.element.at ?? 0
        var collector = Collector()
        for (_, event) in sorted { collector.add(event) }
        collector.close(at: ended)
        operations = collector.operations
        holds = collector.operations.compactMap(\.hold).sorted { $0.from < $1.from }
        faults = collector.faults.sorted { $0.from < $1.from }
        writes = collector.writes
        leaders = collector.leaders
        firsts = collector.firsts
        sessionTimeouts = collector.sessionTimeouts
        notes = collector.notes
        servers = collector.servers
        externalClients = collector.externalClients
        lives = collector.lives.sorted { $0.from < $1.from }
        title = collector.title
        stalls = collector.stalls
        leftInQueue = collector.leftInQueue
    }

    /// Returns the faults of these kinds that lasted into a period of time.
    package func faults(_ kinds: Set<HistoryEvent.Fault>, during time: ClosedRange<Int64>) -> [FaultSpan] {
        faults.filter { kinds.contains($0.fault) && $0.from <= time.upperBound && $0.to >= time.lowerBound }
    }

    /// Collects the events one by one.
    private struct Collector {
        var operations: [Operation] = []
        var faults: [FaultSpan] = []
        var writes: [StoreWrite] = []
        var leaders: [Leadership] = []
        var firsts: [First] = []
        var sessionTimeouts: [String: Int64] = [:]
        var notes: [(name: String, value: String)] = []
        var stalls: [Stall] = []
        var leftInQueue: Int64 = 0
        var lives: [Life] = []
        var servers: Set<String> = []
        var externalClients: Set<String> = []
        var title = ""
        private var begun: [String: Int64] = [:]
        private var indices: [String: Int] = [:]
        private var openHolds: Set<Int> = []
        private var openFaults: [Int64: FaultSpan] = [:]
        private var leader: Leadership?
        private var first: First?

        mutating func add(_ event: HistoryEvent) {
            switch event.kind {
            case .began(let detail):
                if event.process == HistoryEvent.run { title = detail } else { begun[event.process] = event.at }
            case .ended(let detail): end(event, detail)
            case .crashed(let detail): end(event, detail, isCrash: true)
            case .noted(let name, let value): notes.append((name, value))
            case .sessionTimeout(let time): sessionTimeouts[event.process] = time
            case .invoked(let name, let access):
                indices[name] = operations.count
                operations.append(
                    Operation(name: name, process: event.process, access: access, invoked: event.at))
            case .granted(let name, let token, let node):
                // The next event tells the first of now.
                endFirst(at: event.at)
                guard let index = indices[name] else { return }
                operations[index].hold = Hold(
                    operation: name, process: event.process, access: operations[index].access, token: token,
                    node: node, from: event.at, to: event.at)
                openHolds.insert(index)
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
                if let index = indices[name] { openHolds.remove(index) }
            case .returned(let name, let outcome):
                guard let index = indices[name] else { return }
                operations[index].returned = event.at
                operations[index].outcome = outcome
            case .accepted(let name, let token, let zxid):
                writes.append(
                    StoreWrite(process: event.process, operation: name, token: token, at: event.at, zxid: zxid))
            case .refused(let name, let token):
                writes.append(
                    StoreWrite(process: event.process, operation: name, token: token, at: event.at, zxid: nil))
            case .faultBegan(let number, let fault):
                // A server that is killed leads no more, though it may be noticed later.
                if fault == .killServer, leader?.process == event.process { endLeadership(at: event.at) }
                openFaults[number] = FaultSpan(fault: fault, process: event.process, from: event.at, to: event.at)
            case .faultEnded(let number):
                guard var fault = openFaults.removeValue(forKey: number) else { return }
                fault.to = event.at
                faults.append(fault)
            case .isExternal: externalClients.insert(event.process)
            case .serves: servers.insert(event.process)
            case .leads:
                if leader?.process == event.process { return }
                endLeadership(at: event.at)
                leader = Leadership(process: event.process, from: event.at, to: event.at)
            case .noLeader: endLeadership(at: event.at)
            case .firstInQueue(let node):
                endFirst(at: event.at)
                first = First(process: event.process, node: node, from: event.at, to: event.at)
            case .stalled(let node, let length):
                stalls.append(Stall(at: event.at, length: length, node: node, process: event.process))
            case .leftInQueue(let count): leftInQueue += count
            }
        }

        private mutating func end(_ event: HistoryEvent, _ detail: String, isCrash: Bool = false) {
            abandon(event.process, event.at)
            guard let from = begun.removeValue(forKey: event.process) else {
                // A crash counts even if the beginning of the process was not recorded.
                if isCrash {
                    lives.append(
                        Life(process: event.process, from: event.at, to: event.at, end: detail, isCrash: true))
                }
                return
            }
            lives.append(Life(process: event.process, from: from, to: event.at, end: detail, isCrash: isCrash))
        }

        private mutating func endLeadership(at end: Int64) {
            guard var ended = leader else { return }
            ended.to = end
            leaders.append(ended)
            leader = nil
        }

        private mutating func endFirst(at end: Int64) {
            guard var ended = first else { return }
            ended.to = end
            firsts.append(ended)
            first = nil
        }

        /// Ends the operations of a process that has ended.
        private mutating func abandon(_ process: String, _ at: Int64) {
            for index in operations.indices.reversed() where operations[index].process == process {
                if operations[index].end != nil { continue }
                operations[index].abandoned = at
                if openHolds.remove(index) != nil { operations[index].hold?.to = at }
            }
        }

        /// Ends everything that is still going on when the history ends.
        mutating func close(at end: Int64) {
            for (process, from) in begun { lives.append(Life(process: process, from: from, to: end, end: "")) }
            for index in openHolds { operations[index].hold?.to = end }
            endLeadership(at: end)
            endFirst(at: end)
            for var fault in openFaults.values {
                fault.to = end
                faults.append(fault)
            }
        }

        private mutating func change(_ name: String, _ body: (inout Hold) -> Void) {
            guard let index = indices[name], operations[index].hold != nil else { return }
            operations[index].hold.mutate(body)
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
