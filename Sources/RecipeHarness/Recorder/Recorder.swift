// SPDX-License-Identifier: Apache-2.0

import Synchronization
import SystemPackage
import ZooKeeper
import ZooKeeperHistory
import ZooKeeperTesting

/// Records the events of a run, in memory and in a file.
final class Recorder: Sendable {
    private struct State {
        var events: [HistoryEvent] = []
        var grants = 0
        var refused = 0
        /// The process of each operation that holds now.
        var holders: [String: String] = [:]
        var faults: [Int64: String] = [:]
        var faultCount: Int64 = 0
        var leader = "no server"
        var failure: (any Error)?
    }

    private let state = Mutex(State())
    private let file: HistoryRecorder
    /// Fulfilled when the history cannot be written any more.
    let failed = Promise<Void>()

    init(_ path: FilePath) throws { file = try HistoryRecorder(replacing: path.string) }

    var events: [HistoryEvent] { state.withLock { $0.events } }

    /// The error with which writing failed first, if any.
    var failure: (any Error)? { state.withLock { $0.failure } }

    /// Records an event from a line that a worker has written.
    func record(line: String) {
        // A process that is killed while it writes leaves half a line, which is ignored.
        if let event = HistoryEvent(line: line) { record(event) }
    }

    func record(_ process: String, _ kind: HistoryEvent.Kind) { record(HistoryEvent(process, kind)) }

    /// Records the beginning of a fault.
    ///
    /// - Returns: The number of the fault.
    func faultBegins(_ fault: HistoryEvent.Fault, _ process: String) -> Int64 {
        let number = state.withLock { state in
            state.faultCount += 1
            return state.faultCount
        }
        record(process, .faultBegan(number: number, fault))
        return number
    }

    private func record(_ event: HistoryEvent) {
        let hasFailed = state.withLock { state in
            state.events.append(event)
            switch event.kind {
            case .granted(let operation, _, _):
                state.grants += 1
                state.holders[operation] = event.process
            case .bodyEnded(let operation): state.holders[operation] = nil
            case .ended, .crashed: state.holders = state.holders.filter { $0.value != event.process }
            case .refused: state.refused += 1
            case .leads: state.leader = event.process
            case .noLeader: state.leader = "no server"
            case .faultBegan(let number, let fault): state.faults[number] = "\(fault.rawValue) \(event.process)"
            case .faultEnded(let number): state.faults[number] = nil
            default: break
            }
            guard state.failure == nil else { return true }
            do {
                try file.record(event)
                return false
            } catch {
                state.failure = error
                return true
            }
        }
        if hasFailed { failed.fulfil(()) }
    }

    /// The name of a process that holds now; `nil` if none does.
    var holder: String? { state.withLock { $0.holders.values.min() } }

    var grants: Int { state.withLock { $0.grants } }

    /// The state of the run in one line.
    var progress: String {
        state.withLock { state in
            let holders = Set(state.holders.values).sorted().joined(separator: " ")
            let faults = state.faults.sorted { $0.key < $1.key }.map(\.value).joined(separator: ", ")
            return "\(state.grants) grants, \(state.faultCount) faults, \(state.refused) late writes refused; "
                + "\(state.leader) leads, \(holders.isEmpty ? "no process" : holders) in"
                + (faults.isEmpty ? "" : "; now: \(faults)")
        }
    }
}
