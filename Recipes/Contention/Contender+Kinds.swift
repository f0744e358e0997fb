// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZooKeeper

// Other kinds of lock in the directory, with which this one would not exclude each other: looked for in the lists that are
// read anyway.

extension Contender {
    /// So many nodes of other kinds are looked at; more of them say no more.
    private static let mostLooks = 32

    /// The list of joining is to come: other kinds in it keep this contender out.
    func expectKinds(_ action: ContenderMachine.Action) {
        switch action {
        case .probe, .enqueue: state.withLock { $0.isJoining = true }
        default: break
        }
    }

    /// Takes note of a list.
    func notice(_ names: ChildNames) {
        let foreignNodes = settings.dialect.foreignNodes(among: names, upTo: Self.mostLooks)
        state.withLock { state in
            state.foreignNodes = foreignNodes
            if let first = foreignNodes.first { state.foreignNode = first }
            state.hasList = true
        }
    }

    /// All answers to the requests of an action are there.
    func finish(_ action: ContenderMachine.Action, _ answers: PipelineAnswers) {
        let event = action.event(from: answers)
        let (foreignNodes, isJoining) = state.withLock { state in
            defer {
                // Whatever list comes first behind the create, or in front of it.
                if state.hasList { state.isJoining = false }
                state.hasList = false
                state.foreignNodes = []
            }
            return (state.foreignNodes, state.isJoining && state.hasList)
        }
        if foreignNodes.isEmpty { return post(event) }
        guard isJoining, settings.mixedKinds == .refuse else {
            note(foreignNodes[0])
            return post(event)
        }
        // Joining waits for that: it is known before it could be granted.
        look(at: foreignNodes, before: event)
    }

    /// Leaves if one of these nodes belongs to a session, or may: servers of version 3.9.3 say nothing of a node to a
    /// client that may not read it. Those that belong to none are leftovers, and only warned about.
    private func look(at nodes: [String], before event: ContenderMachine.Event) {
        let underWay = KindsUnderWay(nodes.count) { [self] answers in
            let owned = zip(nodes, answers).first { $0.1.mayBeOwned }
            let leftover = zip(nodes, answers).first { $0.1.owner?.rawValue == 0 }
            if let owned {
                state.withLock { $0.foreignNode = owned.0 }
                post(.mixedKinds(owned.0))
                return post(event)
            }
            for answer in answers {
                guard case .failure(let error) = answer, error.code != .noNode else { continue }
                if error.code == .throttled {
                    Deadlines.shared.schedule(at: .now + .milliseconds(100)) { [self] in
                        self.look(at: nodes, before: event)
                    }
                    return
                }
                // The session is over, or being closed: the machine is told, and nothing is granted.
                state.withLock { $0.errors[error.code] = error }
                post(error.code == .closed ? .sessionClosing : .sessionLost)
                return post(event)
            }
            if let leftover { note(leftover.0) }
            post(event)
        }
        _ = session.submitPipeline(
            nodes.map { Exists(directory.child($0)).makeRequest() }, retry: .untilSessionEnds,
            tracedBelow: traceParent, observer: underWay)
    }

    private func note(_ foreignNode: String) {
        MixedKinds.note(directory, in: session.settings.chroot, foreignNode, session.logger)
    }
}

extension PendingRequest.Answer {
    fileprivate var mayBeOwned: Bool {
        if case .failure(let error) = self { return error.code == .noAuth }
        return owner.map { $0.rawValue != 0 } ?? false
    }

    /// The session that owns the node; `nil` if it is not known, or if there is no node.
    fileprivate var owner: SessionID? {
        guard case .success(let response) = self, case .stat(let stat) = response.kind else { return nil }
        return stat.ephemeralOwner
    }
}

/// Looks at nodes of other kinds, whose answers are collected.
private final class KindsUnderWay: PipelineObserver {
    private let answers: Mutex<[PendingRequest.Answer?]>
    private let done: @Sendable ([PendingRequest.Answer]) -> Void

    init(_ count: Int, _ done: @escaping @Sendable ([PendingRequest.Answer]) -> Void) {
        answers = Mutex(Array(repeating: nil, count: count))
        self.done = done
    }

    func answered(_ answer: PendingRequest.Answer, at position: Int) {
        let all: [PendingRequest.Answer]? = answers.withLock { answers in
            answers[position] = answer
            return answers.contains { $0 == nil } ? nil : answers.compactMap(\.self)
        }
        if let all { done(all) }
    }
}
