import Synchronization
import ZooKeeper

// What a contender asks of the servers, and what it makes of the answers.

extension Contender {
    func probe() {
        submit([GetChildren(directory).makeRequest()]) { contender, outcomes, _ in
            .probed(contender.names(outcomes[0]))
        }
    }

    func enqueue(_ guid: String, createsParents: Bool) {
        let ancestors = createsParents ? directory.ancestors + (directory.isRoot ? [] : [directory]) : []
        let parentMode: CreateMode = settings.dialect.makesContainers ? .container : .persistent
        var requests = ancestors.map { Create($0, mode: parentMode).makeRequest() }
        let path = directory.child(settings.dialect.prefix(for: guid, settings.policy.kind))
        requests.append(
            Create(path, data: settings.data, mode: .ephemeralSequential, accessControl: settings.accessControl)
                .makeRequest())
        requests.append(GetChildren(directory).makeRequest())
        let pendingRequests = submit(requests) { contender, outcomes, connection in
            let count = outcomes.count
            return .enqueued(
                create: contender.created(outcomes[count - 2]), list: contender.names(outcomes[count - 1]),
                parents: contender.missingParent(Array(outcomes.prefix(count - 1))), connection: connection)
        }
        state.withLock { $0.enqueuing = pendingRequests }
    }

    /// Deletes `old` and creates the new node in one transaction: those that wait for `old` go on, and there is no
    /// moment at which neither is there.
    func exchange(_ old: String, for guid: String) {
        let path = directory.child(settings.dialect.prefix(for: guid, settings.policy.kind))
        let exchange = TransactionList([
            Delete(directory.child(old)),
            Create(path, data: settings.data, mode: .ephemeralSequential, accessControl: settings.accessControl),
        ])
        let request = exchange.makeRequest()
        let pendingRequests = submit([request, GetChildren(directory).makeRequest()]) {
            contender, outcomes, connection in
            let results = Result { () throws(ZooKeeperError) in try exchange.output(of: outcomes[0], to: request) }
            let create = results.mapError { contender.failure($0) }.flatMap { results in
                guard case .created(let node)? = results.last else {
                    return Result<ContenderMachine.Created, _>.failure(
                        ContenderMachine.Failure(.protocolViolation, .unknown))
                }
                return .success(.init(name: node.path.name, czxid: nil))
            }
            return .enqueued(
                create: create, list: contender.names(outcomes[1]), parents: nil, connection: connection)
        }
        state.withLock { $0.enqueuing = pendingRequests }
    }

    func list(syncs: Bool) {
        guard syncs else {
            submit([GetChildren(directory).makeRequest()], retry: .untilSessionEnds) {
                contender, outcomes, connection in
                .listed(contender.names(outcomes[0]), connection: connection)
            }
            return
        }
        session.submitSyncedList(of: directory) { [self] names, connection in
            post(.listed(seen(names), connection: connection))
        }
    }

    /// Looks whether the own node is there, which cannot be watched. That needs no permission.
    func check(_ name: String) {
        submit([Exists(directory.child(name)).makeRequest()], retry: .untilSessionEnds) { contender, outcomes, _ in
            switch outcomes[0] {
            case .success: .checked(.success(true))
            case .failure(let error) where error.code == .noNode: .checked(.success(false))
            case .failure(let error): .checked(.failure(contender.failure(error)))
            }
        }
    }

    func watch(blocker: String?, second: String?, own: String?) {
        var requests: [Request] = []
        // Let go of when the new ones are under way: so the server need not be asked to remove a watch that is set again.
        var old: [Watch?] = []
        if let blocker {
            let watch = makeWatch(blocker)
            old += state.withLock { state in
                defer { state.blockerWatch = watch }
                return [state.blockerWatch, state.secondWatch?.name == blocker ? state.secondWatch.take()?.watch : nil]
            }
            requests.append(read(blocker, watch))
        }
        // The first that is given up when there are many watches: without it there is one list more.
        let isSecondRead = second != nil && !session.isWatchBudgetShort
        if isSecondRead, let second {
            let watch = makeWatch(second)
            old.append(
                state.withLock { state in
                    defer { state.secondWatch = (second, watch) }
                    return state.secondWatch?.watch
                })
            requests.append(read(second, watch))
        }
        if let own {
            let watch = makeWatch(own, isOwn: true)
            old.append(
                state.withLock { state in
                    defer { state.ownWatch = watch }
                    return state.ownWatch
                })
            requests.append(read(own, watch))
        }
        guard !requests.isEmpty else { return }
        submit(requests) { contender, outcomes, connection in
            .watched(
                blocker: blocker == nil ? nil : contender.czxid(outcomes[0]),
                second: isSecondRead ? contender.czxid(outcomes[blocker == nil ? 0 : 1]) : nil,
                own: own == nil ? nil : contender.ownNode(outcomes[outcomes.count - 1]), connection: connection)
        }
        withExtendedLifetime(old) {}
    }

    func relist(own: String) {
        let watch = makeWatch(own, isOwn: true)
        let old = state.withLock { state in
            defer { state.ownWatch = watch }
            return state.ownWatch
        }
        submit([GetChildren(directory).makeRequest(), read(own, watch)]) { contender, outcomes, connection in
            .relisted(contender.names(outcomes[0]), own: contender.ownNode(outcomes[1]), connection: connection)
        }
        withExtendedLifetime(old) {}
    }

    private func makeWatch(_ name: String, isOwn: Bool = false) -> Watch {
        Watch { [weak self] outcome in self?.changed(name, isOwn: isOwn, outcome) }
    }

    private func read(_ name: String, _ watch: Watch) -> Request {
        Request(directory.child(name), .getData, watch: watch)
    }

    private func changed(_ name: String, isOwn: Bool, _ outcome: Watch.EventResult) {
        switch outcome {
        case .success(let event):
            let isGone = event.kind == .deleted
            post(
                isOwn
                    ? .ownChanged(name, isGone: isGone)
                    : .blockerChanged(name, isGone: isGone, connection: event.connection))
        case .failure(let error):
            state.withLock { $0.errors[error.code] = error }
            post(.sessionLost)
        }
    }

    /// Issues a pipeline, and posts what `makeEvent` makes of all its answers.
    @discardableResult
    private func submit(
        _ requests: [Request], retry: PendingRequest.Retry = .never,
        makeEvent: @escaping @Sendable (Contender, [PendingRequest.Answer], _ connection: Int) -> ContenderMachine.Event
    ) -> [PendingRequest] {
        let answers = PipelineAnswers(count: requests.count)
        let observers = requests.indices.map { index -> @Sendable (PendingRequest.Answer) -> Void in
            { [self] outcome in
                // The connection only changes on the thread that brings answers, which is this one.
                if let all = answers.add(outcome, at: index) { post(makeEvent(self, all, session.connection)) }
            }
        }
        return session.submitPipeline(requests, retry: retry, observers: observers)
    }

    // MARK: Answers

    private func names(_ outcome: PendingRequest.Answer) -> Result<[String], ContenderMachine.Failure> {
        seen(
            outcome.map { response in
                guard case .children(let names, _) = response.kind else { return [] }
                return names
            })
    }

    private func seen(_ names: Result<ChildNames, ZooKeeperError>) -> Result<[String], ContenderMachine.Failure> {
        names.mapError { failure($0) }.map { names in
            session.janitor.sweep(names, in: directory, of: session)
            let names = Array(names)
            lookForForeignNodes(among: names)
            return names
        }
    }

    /// Why there is no directory, from the answers to the creates of its ancestors, of itself and of my node: the
    /// failure without whose node the next one could not be made. That of an ancestor which is there does not matter:
    /// the servers look at permissions first.
    private func missingParent(_ outcomes: [PendingRequest.Answer]) -> ContenderMachine.Failure? {
        for (outcome, next) in zip(outcomes, outcomes.dropFirst()) {
            guard case .failure(let error) = outcome, error.code != .nodeExists,
                case .failure(let consequence) = next, consequence.code == .noNode
            else { continue }
            return failure(error)
        }
        return nil
    }

    /// Once for each contender: a participant under other names excludes none of ours.
    private func lookForForeignNodes(among names: [String]) {
        let isFirst = state.withLock { state in
            defer { state.looksForForeignNodes = false }
            return state.looksForForeignNodes
        }
        guard isFirst else { return }
        guard let foreignNode = settings.dialect.foreignNode(among: names) else { return }
        state.withLock { $0.foreignNode = foreignNode }
        MixedDialects.note(directory, in: session.settings.chroot, foreignNode, session.logger)
    }

    private func created(_ outcome: PendingRequest.Answer) -> Result<ContenderMachine.Created, ContenderMachine.Failure>
    {
        outcome.mapError { failure($0) }.flatMap { response in
            guard case .created(let path, let stat?) = response.kind else {
                return .failure(ContenderMachine.Failure(.protocolViolation, .unknown))
            }
            return .success(.init(name: path.name, czxid: stat.czxid))
        }
    }

    private func czxid(_ outcome: PendingRequest.Answer) -> Result<Zxid, ContenderMachine.Failure> {
        outcome.mapError { failure($0) }.flatMap { response in
            guard case .node(let node) = response.kind else {
                return .failure(ContenderMachine.Failure(.protocolViolation, .unknown))
            }
            return .success(node.stat.czxid)
        }
    }

    /// My own node: besides that it is there, its data say whether another client requests revocation.
    private func ownNode(_ outcome: PendingRequest.Answer) -> Result<Zxid, ContenderMachine.Failure> {
        if case .success(let response) = outcome, case .node(let node) = response.kind,
            RevocationRequest.isContained(in: node.data)
        {
            let lease = state.withLock { state in
                state.isRevocationRequested = true
                return state.lease
            }
            lease?.requestRevocation()
        }
        return czxid(outcome)
    }

    private func failure(_ error: ZooKeeperError) -> ContenderMachine.Failure {
        state.withLock { $0.errors[error.code] = error }
        return ContenderMachine.Failure(error.code, error.execution)
    }
}

/// Collects the answers of one pipeline.
private final class PipelineAnswers: Sendable {
    private let answers: Mutex<[PendingRequest.Answer?]>

    init(count: Int) { answers = Mutex(Array(repeating: nil, count: count)) }

    /// - Returns: All answers, if this was the last.
    func add(_ answer: PendingRequest.Answer, at index: Int) -> [PendingRequest.Answer]? {
        answers.withLock { answers in
            answers[index] = answer
            let known = answers.compactMap(\.self)
            return known.count == answers.count ? known : nil
        }
    }
}
