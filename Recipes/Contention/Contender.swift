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

    struct State {
        var machine: ContenderMachine
        /// Kept so that they stay set; dropped to take them off the server.
        var blockerWatch: Watch?
        var ownWatch: Watch?
        /// What may still be taken back if the caller leaves.
        var enqueuing: [Reply] = []
        /// The last error of each kind, for whoever is told why it failed.
        var errors: [ZooKeeperError.Code: ZooKeeperError] = [:]
        var lease: LeaseCore?
        /// Granted, and the caller has not been told yet.
        var announcement: Outcome?
        /// Whether somebody has asked for the lock, before it was granted or after.
        var isAskedFor = false
        var looksForStrangers = true
        /// What whoever looks at the place has been told.
        var reportedPlace: PlaceInLine.Position?
        /// A node in the directory that stands in line by another dialect.
        var stranger: String?
    }

    package let session: ZooKeeperSession
    let directory: ZNodePath
    let settings: ContenderSettings
    let state: Mutex<State>
    private let events = Notices<ContenderMachine.Event>()
    package let outcome = Promise<Outcome>()
    /// Fulfilled when the node of a released holder is gone.
    package let removed = Promise<Void>()

    package init(
        session: ZooKeeperSession, directory: ZNodePath, settings: ContenderSettings, mode: ContenderMachine.Mode,
        companion: String? = nil, replacing: String? = nil
    ) {
        self.session = session
        self.directory = directory
        self.settings = settings
        let machine = ContenderMachine(
            dialect: settings.dialect, policy: settings.policy, mode: mode, companion: companion,
            replacing: replacing)
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
            session: session, lockPath: directory, nodePath: directory.child(name), token: token,
            policy: settings.lossPolicy)
        var state = State(
            machine: ContenderMachine(holding: grant, dialect: settings.dialect, policy: settings.policy))
        state.lease = lease
        self.state = Mutex(state)
        session.beginInterest()
        outcome.fulfil(.granted(lease, isWatched: false))
    }

    /// A node in the directory that stands in line by another dialect.
    var stranger: String? { state.withLock { $0.stranger } }

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

    func post(_ event: ContenderMachine.Event) {
        events.post([event])
        events.deliver { event in
            let isInTime = ContinuousClock.now < session.leasesExpireBy
            let actions = state.withLock { $0.machine.handle(event, isInTime: isInTime) }
            reportPlace()
            for action in actions { perform(action) }
            dropWatchesIfOver()
        }
        // Last, when this thread is done with the events: a caller that gives it back at once sends the removal itself, and
        // so before anything that it asks for afterwards.
        if let granted = state.withLock({ $0.announcement.take() }) { outcome.fulfil(granted) }
    }

    /// Only news: one that is over must not speak for the next, which stands in line in another session.
    private func reportPlace() {
        guard let place = settings.place else { return }
        let news: PlaceInLine.Position?? = state.withLock { state in
            let position = state.machine.position.map {
                PlaceInLine.Position(node: directory.child($0.node), ahead: $0.ahead)
            }
            guard position != state.reportedPlace else { return nil }
            state.reportedPlace = position
            return .some(position)
        }
        if let news { place.report(news) }
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
        case .enqueue(let mark, let createsParents, let old?) where !createsParents: exchange(old, for: mark)
        case .enqueue(let mark, let createsParents, _): enqueue(mark, createsParents: createsParents)
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
            token: FencingToken(czxid: grant.czxid), policy: settings.lossPolicy)
        let (watch, isAskedFor) = state.withLock { state in
            state.enqueuing = []
            state.lease = lease
            state.announcement = .granted(lease, isWatched: grant.isWatched)
            defer { state.blockerWatch = nil }
            return (state.blockerWatch, state.isAskedFor)
        }
        _ = watch
        if isAskedFor { lease.askFor() }
    }

    private func remove(_ name: String) {
        // The watch on it fires by its removal; dropping it before would send a request to take it off.
        let watch = state.withLock { $0.ownWatch }
        session.janitor.remove(directory.child(name), in: session).whenFulfilled { [self] _ in
            _ = watch
            if state.withLock({ $0.machine.isOver }) { removed.fulfil(()) }
        }
    }
}
