// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZooKeeper

// Sending the requests of an action, and what is done with their answers besides telling the machine.

extension Contender {
    /// Sends the requests of an action in one pipeline, and posts what all their answers mean.
    func send(_ action: ContenderMachine.Action) {
        expectKinds(action)
        // Without the second watch there is one list more.
        let action = session.isWatchBudgetShort ? action.withoutSecond : action
        var requests = action.requests(in: settings.context)
        if requests.isEmpty { return }
        let watched = action.watchedNodes
        // Let go of when the new ones are under way: so the server need not be asked to remove a watch that is set again.
        var old: [Watch] = []
        for (index, node) in watched.enumerated() {
            guard let node else { continue }
            let watch = Watch { [weak self] outcome in self?.changed(node, outcome) }
            requests[index].watch = watch
            old += state.withLock { $0.keep(watch, on: node) }
        }
        let pendingRequests = session.submitPipeline(
            requests, retry: action.isRepeated ? .untilSessionEnds : .never, tracedBelow: traceParent,
            observer: ActionUnderWay(action, watched, count: requests.count, of: self))
        if case .enqueue = action { state.withLock { $0.enqueuing = pendingRequests } }
        withExtendedLifetime(old) {}
    }

    private func changed(_ node: WatchedNode, _ outcome: Watch.EventResult) {
        switch outcome {
        case .success(let event):
            post(node.changed(isGone: event.kind == .deleted, connection: event.connection))
        case .failure(let error):
            state.withLock { $0.errors[error.code] = error }
            post(.sessionLost)
        }
    }

    // MARK: Answers

    /// Takes what the machine gets of an answer, and does what a list or an error is good for besides.
    fileprivate func take(_ answer: PendingRequest.Answer) -> ContenderMachine.Answer {
        switch answer {
        case .success(let response):
            if case .children(let names, _) = response.kind {
                session.janitor.sweep(names, in: directory, of: session)
                notice(names)
            }
            return .success(response.kind)
        case .failure(let error):
            state.withLock { $0.errors[error.code] = error }
            return .failure(ContenderMachine.Failure(error.code, error.execution))
        }
    }

    /// Remembers who is in the way, for the caller that is told when its time is up.
    fileprivate func remember(_ node: WatchedNode, _ answer: PendingRequest.Answer) {
        guard !node.isOwn, case .success(let response) = answer, case .node(let value) = response.kind,
            let participant = Participant(node.name, directory, value, settings.dialect)
        else { return }
        state.withLock { state in
            state.read.removeAll { $0.path == participant.path }
            state.read = state.read.suffix(2) + [participant]
        }
    }

    /// Reads the first in the queue, if its data are not known: a caller with a limit is told who it is.
    func readHolder() {
        let holder: String? = state.withLock { state in
            guard let holder = state.machine.holder, holder != state.askedHolder,
                !state.read.contains(where: { $0.path.name == holder }),
                // One that is watched is being read.
                !state.watches.contains(where: { $0.node.name == holder })
            else { return nil }
            state.askedHolder = holder
            return holder
        }
        guard let holder else { return }
        _ = session.submit(GetData(directory.child(holder)).makeRequest(), tracedBelow: traceParent) { [self] answer in
            remember(.blocker(holder), answer)
        }
    }

    /// The data of the own node say whether another client requests revocation.
    fileprivate func lookForRevocation(_ answer: PendingRequest.Answer) {
        guard case .success(let response) = answer, case .node(let node) = response.kind,
            RevocationRequest.isContained(in: node.data)
        else { return }
        let lease = state.withLock { state in
            state.isRevocationRequested = true
            return state.lease
        }
        lease?.requestRevocation()
    }
}

extension Contender.State {
    /// Keeps a watch, so that it stays set.
    ///
    /// - Returns: Those whose place it takes.
    fileprivate mutating func keep(_ watch: Watch, on node: WatchedNode) -> [Watch] {
        let old = watches.filter { node.replaces($0.node) }.map(\.watch)
        watches.removeAll { node.replaces($0.node) }
        watches.append((node, watch))
        return old
    }

    /// Takes the watches on the nodes in the way.
    mutating func takeWatchesOfOthers() -> [Watch] {
        let others = watches.filter { !$0.node.isOwn }.map(\.watch)
        watches.removeAll { !$0.node.isOwn }
        return others
    }

    /// The watch on the own node.
    var ownWatch: Watch? { watches.first { $0.node.isOwn }?.watch }
}

/// An action whose requests are under way: collects their answers.
private final class ActionUnderWay: PipelineObserver {
    private let contender: Contender
    private let action: ContenderMachine.Action
    private let watched: [WatchedNode?]
    private let answers: Mutex<PipelineAnswers>

    init(_ action: ContenderMachine.Action, _ watched: [WatchedNode?], count: Int, of contender: Contender) {
        self.action = action
        self.watched = watched
        self.contender = contender
        answers = Mutex(PipelineAnswers(count: count))
    }

    func answered(_ answer: PendingRequest.Answer, at position: Int) {
        if watched.indices.contains(position), let node = watched[position] {
            if node.isOwn { contender.lookForRevocation(answer) } else { contender.remember(node, answer) }
        }
        let taken = contender.take(answer)
        // The connection only changes on the thread that brings answers, which is this one.
        let connection = contender.session.connection
        let all: PipelineAnswers? = answers.withLock { answers in
            answers.add(taken, at: position, over: connection)
            return answers.isComplete ? answers : nil
        }
        if let all { contender.finish(action, all) }
    }
}
