import Synchronization
package import ZooKeeper

/// Drives a ``ContenderMachine`` in one session: does what it says, tells it what happens.
///
/// Everything that happens is put in one queue and taken out in order, by whatever thread brings it; so the machine
/// sees events in the order in which the session saw them, and nothing here waits for a thread of the cooperative pool.
package final class Contender: Sendable {
    package enum Outcome: Sendable {
        case granted(LeaseCore, isWatched: Bool)
        case failed(ContenderMachine.Reason, ZooKeeperError?)
    }

    private struct State {
        var machine: ContenderMachine
        /// Kept so that they stay set; dropped to take them off the server.
        var blockerWatch: Watch?
        var ownWatch: Watch?
        /// What may still be taken back if the caller leaves.
        var enqueuing: [Reply] = []
        /// The last error of each kind, for whoever is told why it failed.
        var errors: [ZooKeeperError.Code: ZooKeeperError] = [:]
        var lease: LeaseCore?
    }

    package let session: ZooKeeperSession
    private let directory: ZNodePath
    private let settings: ContenderSettings
    private let state: Mutex<State>
    private let events = Notices<ContenderMachine.Event>()
    package let outcome = Promise<Outcome>()
    /// Fulfilled when the node of a released holder is gone.
    package let removed = Promise<Void>()

    package init(
        session: ZooKeeperSession, directory: ZNodePath, settings: ContenderSettings, mode: ContenderMachine.Mode,
        companion: String? = nil
    ) {
        self.session = session
        self.directory = directory
        self.settings = settings
        let machine = ContenderMachine(
            dialect: settings.dialect, policy: settings.policy, mode: mode, companion: companion)
        self.state = Mutex(State(machine: machine))
    }

    /// One that holds a node already, whatever got it there.
    ///
    /// - Parameter token: What its holder shows.
    package init(
        session: ZooKeeperSession, directory: ZNodePath, settings: ContenderSettings, holding name: String,
        token: FencingToken
    ) {
        self.session = session
        self.directory = directory
        self.settings = settings
        let grant = ContenderMachine.Grant(name: name, czxid: token.czxid, isWatched: false)
        let lease = LeaseCore(
            session: session, lockPath: directory, nodePath: directory.child(name), token: token)
        var state = State(
            machine: ContenderMachine(holding: grant, dialect: settings.dialect, policy: settings.policy))
        state.lease = lease
        self.state = Mutex(state)
        session.beginInterest()
        outcome.fulfil(.granted(lease, isWatched: false))
    }

    /// Joins the line. The result comes through ``outcome``.
    package func start() {
        session.beginInterest()
        outcome.whenFulfilled { [self] outcome in
            if case .failed = outcome { session.endInterest() }
        }
        post(.start)
    }

    /// Leaves the line, or gives the lock back if it has been granted. Leaves no node behind for longer than the session
    /// lives, normally none at all from now on.
    package func leave(_ event: ContenderMachine.Event) {
        post(event)
        // What waits for a connection is taken back before it is sent.
        for reply in state.withLock({ $0.enqueuing }) { reply.withdraw() }
    }

    /// Looks out for the removal of the granted node, if that has not begun yet.
    package func watchOwnNode() { post(.holdingForLong) }

    /// Gives the lock back; see ``removed``.
    package func release() { post(.released) }

    /// The lock is not used any more: heartbeats need not go to the leader for it.
    package func endHolding() {
        let hadLease = state.withLock { state in
            defer { state.lease = nil }
            return state.lease != nil
        }
        if hadLease { session.endInterest() }
    }

    // MARK: Events

    private func post(_ event: ContenderMachine.Event) {
        events.post([event])
        events.deliver { event in
            let isInTime = ContinuousClock.now < session.leasesExpireBy
            let actions = state.withLock { $0.machine.handle(event, isInTime: isInTime) }
            for action in actions { perform(action) }
            dropWatchesIfOver()
        }
    }

    private func dropWatchesIfOver() {
        // Dropped outside the lock: that may send something.
        let watches = state.withLock { state -> [Watch?] in
            guard state.machine.isOver else { return [] }
            defer {
                state.blockerWatch = nil
                state.ownWatch = nil
            }
            return [state.blockerWatch, state.ownWatch]
        }
        _ = watches
    }

    private func perform(_ action: ContenderMachine.Action) {
        switch action {
        case .mark: post(.marked(settings.dialect.makeMark()))
        case .probe: probe()
        case .enqueue(let mark, let createsParents): enqueue(mark, createsParents: createsParents)
        case .list(let syncs): list(syncs: syncs)
        case .watch(let blocker, let own): watch(blocker: blocker, own: own)
        case .grant(let grant): granted(grant)
        case .lose:
            let lease = state.withLock { $0.lease }
            lease?.lose(.nodeDeleted)
            removed.fulfil(())
        case .delete(let name): remove(name)
        case .chase(let mark): session.janitor.chase(settings.dialect.stem(for: mark), in: directory, of: session)
        case .fail(let reason):
            let errors = state.withLock { $0.errors }
            var error = errors[.sessionLost]
            if case .refused(let failure) = reason { error = errors[failure.code] }
            outcome.fulfil(.failed(reason, error))
        }
    }

    private func granted(_ grant: ContenderMachine.Grant) {
        let lease = LeaseCore(
            session: session, lockPath: directory, nodePath: directory.child(grant.name),
            token: FencingToken(czxid: grant.czxid))
        let watch = state.withLock { state in
            state.enqueuing = []
            state.lease = lease
            defer { state.blockerWatch = nil }
            return state.blockerWatch
        }
        _ = watch
        outcome.fulfil(.granted(lease, isWatched: grant.isWatched))
    }

    private func remove(_ name: String) {
        // The watch on it fires by its removal; dropping it before would send a request to take it off.
        let watch = state.withLock { $0.ownWatch }
        session.janitor.remove(directory.child(name), in: session).whenFulfilled { [self] _ in
            _ = watch
            if state.withLock({ $0.machine.isOver }) { removed.fulfil(()) }
        }
    }

    // MARK: Requests

    private func probe() {
        submit([GetChildren(directory).makeRequest()]) { contender, outcomes, _ in
            .probed(contender.names(outcomes[0]))
        }
    }

    private func enqueue(_ mark: String, createsParents: Bool) {
        let ancestors = createsParents ? directory.ancestors + (directory.isRoot ? [] : [directory]) : []
        let parentMode: CreateMode = settings.dialect.makesContainers ? .container : .persistent
        var requests = ancestors.map { Create($0, mode: parentMode).makeRequest() }
        let path = directory.child(settings.dialect.prefix(for: mark, settings.policy.kind))
        requests.append(
            Create(path, data: settings.data, mode: .ephemeralSequential, accessControl: settings.accessControl)
                .makeRequest())
        requests.append(GetChildren(directory).makeRequest())
        let replies = submit(requests) { contender, outcomes, connection in
            let count = outcomes.count
            let parents = outcomes.prefix(count - 2).compactMap { outcome -> ContenderMachine.Failure? in
                guard case .failure(let error) = outcome, error.code != .nodeExists else { return nil }
                return contender.failure(error)
            }
            return .enqueued(
                create: contender.created(outcomes[count - 2]), list: contender.names(outcomes[count - 1]),
                parents: parents.first, connection: connection)
        }
        state.withLock { $0.enqueuing = replies }
    }

    private func list(syncs: Bool) {
        let requests = (syncs ? [Sync(directory).makeRequest()] : []) + [GetChildren(directory).makeRequest()]
        submit(requests, retry: .untilSessionEnds) { contender, outcomes, connection in
            .listed(contender.names(outcomes[outcomes.count - 1]), connection: connection)
        }
    }

    private func watch(blocker: String?, own: String?) {
        var requests: [Request] = []
        // Dropped at the end: without the lock, for that may send something; and behind the new read, so that it need not.
        var old: [Watch?] = []
        defer { withExtendedLifetime(old) {} }
        if let blocker {
            let watch = Watch { [weak self] outcome in self?.changed(blocker, isOwn: false, outcome) }
            old.append(
                state.withLock { state in
                    defer { state.blockerWatch = watch }
                    return state.blockerWatch
                })
            requests.append(Request(.getData(path: directory.child(blocker).string), watch: watch))
        }
        if let own {
            let watch = Watch { [weak self] outcome in self?.changed(own, isOwn: true, outcome) }
            old.append(
                state.withLock { state in
                    defer { state.ownWatch = watch }
                    return state.ownWatch
                })
            requests.append(Request(.getData(path: directory.child(own).string), watch: watch))
        }
        submit(requests) { contender, outcomes, connection in
            .watched(
                blocker: blocker == nil ? nil : contender.czxid(outcomes[0]),
                own: own == nil ? nil : contender.czxid(outcomes[outcomes.count - 1]), connection: connection)
        }
    }

    private func changed(_ name: String, isOwn: Bool, _ outcome: Watch.Outcome) {
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

    /// Issues a flight, and posts what `makeEvent` makes of all its answers.
    @discardableResult
    private func submit(
        _ requests: [Request], retry: Reply.Retry = .never,
        makeEvent: @escaping @Sendable (Contender, [Reply.Outcome], _ connection: Int) -> ContenderMachine.Event
    ) -> [Reply] {
        let answers = FlightAnswers(count: requests.count)
        let observers = requests.indices.map { index -> @Sendable (Reply.Outcome) -> Void in
            { [self] outcome in
                // The connection only changes on the thread that brings answers, which is this one.
                if let all = answers.add(outcome, at: index) { post(makeEvent(self, all, session.connection)) }
            }
        }
        return session.submitFlight(requests, retry: retry, observers: observers)
    }

    // MARK: Answers

    private func names(_ outcome: Reply.Outcome) -> Result<[String], ContenderMachine.Failure> {
        outcome.mapError { failure($0) }.map { response in
            guard case .children(let names, _) = response.kind else { return [] }
            session.janitor.sweep(names, in: directory, of: session)
            return names
        }
    }

    private func created(_ outcome: Reply.Outcome) -> Result<ContenderMachine.Created, ContenderMachine.Failure> {
        outcome.mapError { failure($0) }.flatMap { response in
            guard case .created(let path, let stat?) = response.kind else {
                return .failure(ContenderMachine.Failure(.protocolViolation, .unknown))
            }
            return .success(.init(name: ZNodePath(unchecked: path).name, czxid: stat.czxid))
        }
    }

    private func czxid(_ outcome: Reply.Outcome) -> Result<Zxid, ContenderMachine.Failure> {
        outcome.mapError { failure($0) }.flatMap { response in
            guard case .node(let node) = response.kind else {
                return .failure(ContenderMachine.Failure(.protocolViolation, .unknown))
            }
            return .success(node.stat.czxid)
        }
    }

    private func failure(_ error: ZooKeeperError) -> ContenderMachine.Failure {
        state.withLock { $0.errors[error.code] = error }
        return ContenderMachine.Failure(error.code, error.outcome)
    }
}

/// Collects the answers of one flight.
private final class FlightAnswers: Sendable {
    private let answers: Mutex<[Reply.Outcome?]>

    init(count: Int) { answers = Mutex(Array(repeating: nil, count: count)) }

    /// - Returns: All answers, if this was the last.
    func add(_ answer: Reply.Outcome, at index: Int) -> [Reply.Outcome]? {
        answers.withLock { answers in
            answers[index] = answer
            let known = answers.compactMap(\.self)
            return known.count == answers.count ? known : nil
        }
    }
}

/// What one contender needs to know of its recipe.
package struct ContenderSettings: Sendable {
    package var dialect: LineDialect
    package var policy: ContentionPolicy
    package var data: [UInt8]
    package var accessControl: AccessControl

    package init(dialect: LineDialect, policy: ContentionPolicy, data: [UInt8], accessControl: AccessControl) {
        self.dialect = dialect
        self.policy = policy
        self.data = data
        self.accessControl = accessControl
    }
}
