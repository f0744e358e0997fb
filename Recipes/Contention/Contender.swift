// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization
package import ZooKeeper

/// Drives a ``ContenderMachine`` in one session: does what it says, tells it what happens.
///
/// Everything that happens is put in one queue and taken out in order, by whatever thread brings it; so the machine
/// sees events in the order in which the session saw them, and nothing here waits for a thread of the cooperative pool.
package final class Contender: Janitor.Observer {
    package enum Decision: Sendable {
        case granted(LeaseCore, isWatched: Bool)
        case failed(ContenderMachine.Reason, ZooKeeperError?)
    }

    /// The end of the removal of a holder's node.
    package enum Removal: Sendable {
        /// The node is gone, or goes with its session.
        case done
        /// The servers refuse it: the node stays.
        case refused(ZooKeeperError)
    }

    /// The next thing to do: one after the other.
    private enum Step: Sendable {
        case event(ContenderMachine.Event)
        /// Actions that were put off.
        case actions([ContenderMachine.Action])
    }

    struct State {
        var machine: ContenderMachine
        /// Known if it is logged.
        var grantedAt: Moment?
        /// The hold that keeps the session open while the lock is held.
        var hold: Int?
        /// The node that is held, or was until it was released.
        var heldNode: (name: String, path: ZNodePath)?
        /// Kept so that they stay set; cancelled to take them off the server.
        var watches: [(node: WatchedNode, watch: Watch)] = []
        /// The requests of joining, withdrawn if the caller leaves before they are sent.
        var enqueuing: [PendingRequest] = []
        /// The last error of each kind, for the caller that is told why it failed.
        var errors: [ZooKeeperError.Code: ZooKeeperError] = [:]
        var lease: LeaseCore?
        /// The number of the callback for the closing of the session, until the caller has been told.
        var retiringCallback: Int?
        var isDecided = false
        /// Granted, and the caller has not been told yet.
        var announcement: Decision?
        /// Tells whether another client has requested revocation, before the lock was granted or after.
        var isRevocationRequested = false
        /// Tells whether the list of joining is still to come.
        var isJoining = false
        /// Tells whether a list has come with the answers that are being collected, and the nodes of other kinds in it.
        var hasList = false
        var foreignNodes: [String] = []
        /// Participants in the way, as they have been read.
        var read: [Participant] = []
        /// The position that has been reported.
        var reportedPosition: QueuePosition.Snapshot?
        /// The first in the queue that has been asked for besides.
        var askedHolder: String?
        /// A node in the directory that is of another kind of lock.
        var foreignNode: String?
        /// Tells whether the number of participants in the way has been measured.
        var isQueueMeasured = false
    }

    package let session: ZooKeeperSession
    let settings: ContenderSettings
    private let position: QueuePosition?
    /// Tells whether the caller does not wait for ever, and so is told who was in the way.
    private let hasLimit: Bool
    /// The span of the acquisition, if there is one.
    private let span: ActiveSpan?
    /// Tells whether the log takes lines at level debug.
    let logsDebug: Bool
    let startedAt = Moment.now
    let state: Mutex<State>
    private let steps = Notices<Step>()
    package let decision = Promise<Decision>()
    /// Fulfilled when the node of a released holder is gone, or the servers refuse to remove it.
    package let removed = Promise<Removal>()
    private let backoff = Backoff(initial: .milliseconds(50), maximum: .seconds(2))

    package init(
        session: ZooKeeperSession, settings: ContenderSettings, position: QueuePosition? = nil, hasLimit: Bool = false,
        mode: ContenderMachine.Mode, companion: String? = nil, replacing: String? = nil, span: ActiveSpan? = nil
    ) {
        self.session = session
        self.settings = settings
        self.position = position
        self.hasLimit = hasLimit
        self.span = span
        logsDebug = session.logger.logLevel <= .debug
        let machine = ContenderMachine(
            dialect: settings.dialect, policy: settings.policy, mode: mode, companion: companion,
            replacing: replacing)
        self.state = Mutex(State(machine: machine))
    }

    /// Makes a contender that holds a node already.
    ///
    /// - Parameter token: The fencing token of the holder.
    package init(
        session: ZooKeeperSession, settings: ContenderSettings, holding name: String, token: FencingToken
    ) {
        self.session = session
        let directory = settings.directory
        self.settings = settings
        position = nil
        hasLimit = false
        span = nil
        logsDebug = session.logger.logLevel <= .debug
        let grant = ContenderMachine.Grant(name: name, czxid: token.czxid, isWatched: false)
        let path = directory.child(name)
        let lease = LeaseCore(
            session: session, lockPath: directory, nodePath: path, token: token, policy: settings.lossPolicy)
        var state = State(
            machine: ContenderMachine(holding: grant, dialect: settings.dialect, policy: settings.policy))
        state.lease = lease
        // Its position in the queue is one that is held already, under another name.
        state.hold = session.beginHold(at: path, isContinued: true)
        state.heldNode = (name, path)
        self.state = Mutex(state)
        session.retainLeaderHeartbeats()
        decision.fulfil(.granted(lease, isWatched: false))
    }

    package var directory: ZNodePath { settings.directory }

    /// The span that those of requests are children of: none while the lock is held, and when the caller has been told.
    var traceParent: TraceParent {
        guard let span else { return .none }
        return state.withLock { $0.isDecided || $0.lease != nil } ? .none : .span(span)
    }

    /// A node in the directory that is of another kind of lock.
    var foreignNode: String? { state.withLock { $0.foreignNode } }

    /// The participant with this node, as far as it has been read.
    func participant(_ name: String) -> Participant? {
        state.withLock { state in state.read.first { $0.path.name == name } }
    }

    /// Joins the queue. The result comes through ``decision``.
    package func start() {
        session.retainLeaderHeartbeats()
        // Both are taken back with the decision, which comes whatever happens.
        let closing = session.retiring.whenFulfilled { [self] in leave(.sessionClosing) }
        let leftover = session.janitor.observe(self)
        let isDecided = state.withLock { state in
            if !state.isDecided { state.retiringCallback = closing }
            return state.isDecided
        }
        if isDecided {
            session.retiring.forget(closing)
            session.janitor.forget(self)
        }
        if let leftover { found(leftover) }
        post(.start)
    }

    /// Tells the caller; only the first time counts.
    func decide(_ result: Decision) {
        let (isFirst, callback) = state.withLock { state in
            defer { state.isDecided = true }
            return (!state.isDecided, state.retiringCallback.take())
        }
        guard isFirst else { return }
        if let callback { session.retiring.forget(callback) }
        session.janitor.forget(self)
        if case .failed = result { session.releaseLeaderHeartbeats() }
        decision.fulfil(result)
    }

    /// A node of ours in this directory cannot be removed: a contender behind it would wait for as long as the session
    /// lives.
    package func found(_ leftover: Janitor.Leftover) {
        let failure = ContenderMachine.Failure(.noAuth, .refused)
        let isNew = state.withLock { state in
            state.errors[.noAuth] = leftover.error
            return !state.machine.isOver
        }
        if isNew { leave(.blocked(failure)) }
    }

    /// Leaves the queue, or releases the lock if it has been granted. Leaves no node behind for longer than the session
    /// lives, normally none at all from now on.
    package func leave(_ event: ContenderMachine.Event) {
        post(event)
        // What waits for a connection is taken back before it is sent.
        for pending in state.withLock({ $0.enqueuing }) { pending.withdraw() }
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
        guard hadLease else { return }
        session.releaseLeaderHeartbeats()
        let hold = state.withLock { $0.hold.take() }
        guard let hold else { return }
        removed.whenFulfilled { [session] _ in session.endHold(hold) }
    }

    /// The node that is held now has another name, or another contender sees to it.
    package func nodeWasExchanged() { removed.fulfil(.done) }

    // MARK: Events

    func post(_ event: ContenderMachine.Event) { post(.event(event)) }

    private func post(_ step: Step) {
        steps.deliver(step) { step in
            switch step {
            case .event(let event):
                let isInTime = Moment.now < session.leasesExpireBy
                let actions = state.withLock {
                    $0.machine.handle(event, isInTime: isInTime, guid: settings.dialect.makeGUID(session.guids))
                }
                reportPosition()
                perform(actions)
                if hasLimit { readHolder() }
            case .actions(let actions): performLate(actions)
            }
            dropWatchesIfOver()
        }
        // Last, when this thread is done with the events: a caller that releases it at once sends the removal itself,
        // and so before anything that it asks for afterwards.
        if let granted = state.withLock({ $0.announcement.take() }) { decide(granted) }
    }

    /// Reports the position if it has changed. A contender that is over reports nothing: the next one does, in another
    /// session.
    private func reportPosition() {
        guard let position else { return }
        let news: QueuePosition.Snapshot?? = state.withLock { state in
            let position = state.machine.position.map {
                QueuePosition.Snapshot(node: directory.child($0.node), ahead: $0.ahead)
            }
            guard position != state.reportedPosition else { return nil }
            state.reportedPosition = position
            return .some(position)
        }
        if let news { position.report(news) }
    }

    private func dropWatchesIfOver() {
        let (others, own) = state.withLock { state -> ([Watch], Watch?) in
            guard state.machine.isOver else { return ([], nil) }
            defer { state.watches = [] }
            return (state.takeWatchesOfOthers(), state.ownWatch)
        }
        // Outside the lock: this may send something. The own watch is only let go of: a removal of the node under way
        // keeps it, and fires it.
        for watch in others { watch.cancel() }
        withExtendedLifetime(own) {}
    }

    private func perform(_ actions: [ContenderMachine.Action]) {
        for (index, action) in actions.enumerated() {
            guard case .backOff(let attempt) = action else {
                perform(action)
                continue
            }
            let rest = Array(actions[(index + 1)...])
            // Kept alive until then: if the caller has left meanwhile, there may be a node to remove.
            Deadlines.shared.schedule(at: .now + backoff.delay(beforeAttempt: attempt)) { [self] in
                post(.actions(rest))
            }
            return
        }
    }

    /// Does what was put off, unless the caller has left meanwhile.
    private func performLate(_ actions: [ContenderMachine.Action]) {
        let (isOver, isLeaving) = state.withLock { ($0.machine.isOver, $0.machine.isLeaving) }
        if isLeaving {
            // Nothing has been sent.
            return post(ContenderMachine.Action.withdrawn(over: session.connection))
        }
        if !isOver { perform(actions) }
    }
}
