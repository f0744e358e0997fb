import ZooKeeper

/// One place in line: a value that takes in what happened and says what to do. It is behind every recipe.
///
/// Why only one of several contenders is ever granted:
/// * The servers number the nodes of a directory in the order of their creation, and never again give a lower number.
///   So once a list that is not older than my node shows nobody in my way, nobody ever will be.
/// * The list is issued behind the create in the same connection, so it is not older.
/// * I am granted only if my own node is in that list, or was read after those in my way had gone.
///
/// It knows no clock and no I/O, and is Hashable, so that all its states can be explored.
package struct ContenderMachine: Sendable, Hashable {
    /// My node, as far as it is known.
    private struct Seat: Hashable {
        var mark: String
        /// `nil` after a create of unknown outcome.
        var name: String?
        var czxid: Zxid?
        /// Whether a watch is set on it.
        var isWatched = false
    }

    private struct Wait: Hashable {
        var seat: Seat
        /// The nearest in my way; `nil` if there is none and only my own node is being read.
        var blocker: String?
        /// The first in line.
        var holder: String?
        var isSole: Bool
        /// Which connection the list came over.
        var connection: Int
        var isBlockerGone = false
    }

    private enum Phase: Hashable {
        case idle
        case marking
        case probing
        case enqueuing(mark: String, createsParents: Bool)
        /// The caller is gone; the create is under way.
        case leaving(mark: String)
        case listing(Seat)
        case waiting(Wait)
        case holding(Grant)
        case over
    }

    private let dialect: LineDialect
    private let policy: ContentionPolicy
    private let mode: Mode
    /// Another node of mine in the same line, which is not in my way: a reader's that tries to become a writer.
    private let companion: String?
    private var phase = Phase.idle
    /// Whether the directory is known not to exist.
    private var createsParents = false

    package init(dialect: LineDialect, policy: ContentionPolicy, mode: Mode, companion: String? = nil) {
        self.dialect = dialect
        self.policy = policy
        self.mode = mode
        self.companion = companion
    }

    /// One that has its place already and holds it.
    package init(holding grant: Grant, dialect: LineDialect, policy: ContentionPolicy) {
        self.init(dialect: dialect, policy: policy, mode: .wait)
        phase = .holding(grant)
    }

    /// The first in line, while I wait for it.
    package var holder: String? {
        if case .waiting(let wait) = phase { return wait.holder ?? wait.blocker }
        return nil
    }

    /// Whether nothing will follow.
    package var isOver: Bool { phase == .over }

    /// Takes in what happened.
    ///
    /// - Parameter isInTime: Whether the session is known to live at this moment.
    package mutating func handle(_ event: Event, isInTime: Bool) -> [Action] {
        switch (event, phase) {
        case (.start, .idle):
            guard mode == .attempt else { return rejoin() }
            phase = .probing
            return [.probe]
        case (.marked(let mark), .marking):
            phase = .enqueuing(mark: mark, createsParents: createsParents)
            return [.enqueue(mark: mark, createsParents: createsParents)]
        case (.probed(let list), .probing): return probed(list)
        case (.enqueued(let create, let list, let parents, let connection), .enqueuing(let mark, _)):
            return enqueued(mark, create, list, parents, connection, isInTime)
        case (.enqueued(let create, _, _, _), .leaving(let mark)):
            phase = .over
            return cleanUp(mark, create)
        case (.listed(let list, let connection), .listing(let seat)):
            return listed(seat, list, connection, isInTime)
        case (.watched(let blocker, let own, let connection), .waiting(let wait)):
            return watched(wait, blocker, own, connection, isInTime)
        case (.watched(_, .failure(let failure)?, _), .holding(let grant)): return ownWatchFailed(grant, failure)
        case (.blockerChanged(let name, let isGone, let connection), .waiting(let wait)) where wait.blocker == name:
            return blockerChanged(wait, isGone: isGone, connection, isInTime)
        case (.ownChanged(let name, let isGone), .waiting(let wait)) where wait.seat.name == name:
            return ownChanged(wait, isGone: isGone)
        case (.ownChanged(let name, let isGone), .holding(let grant)) where grant.name == name:
            if !isGone { return [.watch(blocker: nil, own: name)] }
            phase = .over
            return [.lose]
        case (.holdingForLong, .holding(let grant)) where !grant.isWatched:
            return [.watch(blocker: nil, own: grant.name)]
        case (.sessionLost, _): return sessionLost()
        case (.cancelled, _): return leave(.cancelled)
        case (.timedOut, _): return leave(.timedOut(holder: holder))
        case (.released, .holding(let grant)):
            phase = .over
            return [.delete(grant.name)]
        default:
            // Late news of something that has been given up meanwhile.
            return []
        }
    }

    // MARK: Joining

    /// Joins the line at its end, under a new mark: nothing of an earlier attempt is ever taken for this one.
    private mutating func rejoin() -> [Action] {
        phase = .marking
        return [.mark]
    }

    private mutating func probed(_ list: Result<[String], Failure>) -> [Action] {
        switch list {
        case .success(let names):
            guard let contenders = dialect.contenders(among: names) else { return fail(.sequenceExhausted) }
            let others = contenders.filter { $0.name != companion }
            if let first = policy.blockersOfNewcomer(among: others).first { return fail(.busy(holder: first.name)) }
            return rejoin()
        case .failure(let failure) where failure.code == .noNode:
            createsParents = true
            return rejoin()
        case .failure(let failure): return fail(failure)
        }
    }

    private mutating func enqueued(
        _ mark: String, _ create: Result<Created, Failure>, _ list: Result<[String], Failure>, _ parents: Failure?,
        _ connection: Int, _ isInTime: Bool
    ) -> [Action] {
        switch create {
        case .success(let created):
            let seat = Seat(mark: mark, name: created.name, czxid: created.czxid)
            return listed(seat, list, connection, isInTime)
        case .failure(let failure):
            switch (failure.code, failure.outcome) {
            case (.noNode, .refused):
                // Nobody has created the directory, or the servers have removed it as an empty container.
                if createsParents, let parents { return fail(parents) }
                createsParents = true
                phase = .enqueuing(mark: mark, createsParents: true)
                return [.enqueue(mark: mark, createsParents: true)]
            case (.nodeExists, .refused): return fail(.sequenceExhausted)
            case (.connectionLoss, .notSent), (.connectionLoss, .refused):
                // It was not executed and will not be.
                phase = .enqueuing(mark: mark, createsParents: createsParents)
                return [.enqueue(mark: mark, createsParents: createsParents)]
            case (.connectionLoss, .unknown):
                phase = .listing(Seat(mark: mark))
                return [.list(syncs: true)]
            default: return fail(failure)
            }
        }
    }

    // MARK: Finding one's place

    private mutating func listed(
        _ seat: Seat, _ list: Result<[String], Failure>, _ connection: Int, _ isInTime: Bool
    ) -> [Action] {
        switch list {
        case .success(let names):
            return place(seat, names, connection, isInTime)
        case .failure(let failure) where failure.code == .connectionLoss:
            phase = .listing(seat)
            return [.list(syncs: true)]
        case .failure(let failure) where failure.code == .noNode:
            // The directory is gone, and my node with it.
            return forget(seat) + rejoin()
        case .failure(let failure):
            return forget(seat) + fail(failure)
        }
    }

    private mutating func place(
        _ known: Seat, _ names: [String], _ connection: Int, _ isInTime: Bool
    ) -> [Action] {
        guard let contenders = dialect.contenders(among: names) else {
            return forget(known) + fail(.sequenceExhausted)
        }
        // Every node with my mark is mine. The lowest counts; a request that arrived twice leaves no other behind.
        let mine = contenders.filter { dialect.isMine($0.name, known.mark) }.sorted { $0.sequence < $1.sequence }
        guard let own = mine.first else {
            // After a create of unknown outcome it may still appear; then it is nobody's.
            return (known.name == nil ? [.chase(mark: known.mark)] : []) + rejoin()
        }
        let extras: [Action] = mine.dropFirst().map { .delete($0.name) }
        var seat = known
        if seat.name != own.name { seat = Seat(mark: known.mark, name: own.name) }
        let others = contenders.filter { !dialect.isMine($0.name, known.mark) && $0.name != companion }
        let blockers = policy.blockers(of: own, among: others)
        if let nearest = blockers.last, let first = blockers.first {
            if mode == .attempt { return extras + [.delete(own.name)] + fail(.busy(holder: first.name)) }
            // With several in the way the list that follows will show my own node; with one, its removal alone makes me
            // the holder, so I must know that mine is there: by an answer that is yet to come, not by an older one.
            let isSole = blockers.count == 1
            if isSole { seat.isWatched = false }
            phase = .waiting(
                Wait(
                    seat: seat, blocker: nearest.name, holder: first.name, isSole: isSole, connection: connection))
            return extras + [.watch(blocker: nearest.name, own: isSole ? own.name : nil)]
        }
        guard let czxid = seat.czxid else {
            // First in line, but which transaction created my node is not known yet.
            seat.isWatched = false
            phase = .waiting(Wait(seat: seat, isSole: true, connection: connection))
            return extras + [.watch(blocker: nil, own: own.name)]
        }
        return extras + grant(seat, czxid, isInTime)
    }

    private mutating func grant(_ seat: Seat, _ czxid: Zxid, _ isInTime: Bool) -> [Action] {
        guard let name = seat.name else { return [] }
        guard isInTime else {
            // First in line in a session that may be over. A sync that is answered shows that it is not.
            phase = .listing(seat)
            return [.list(syncs: true)]
        }
        let grant = Grant(name: name, czxid: czxid, isWatched: seat.isWatched)
        phase = .holding(grant)
        return [.grant(grant)]
    }

    // MARK: Waiting

    private mutating func watched(
        _ old: Wait, _ blocker: Result<Zxid, Failure>?, _ own: Result<Zxid, Failure>?, _ connection: Int,
        _ isInTime: Bool
    ) -> [Action] {
        var wait = old
        switch own {
        case .success(let czxid):
            wait.seat.czxid = czxid
            wait.seat.isWatched = true
        case .failure(let failure): return readFailed(wait, failure)
        case nil: break
        }
        switch blocker {
        case .failure(let failure) where failure.code == .noNode: wait.isBlockerGone = true
        case .failure(let failure): return readFailed(wait, failure)
        case .success, nil: break
        }
        phase = .waiting(wait)
        return advance(wait, connection, isInTime)
    }

    private mutating func readFailed(_ wait: Wait, _ failure: Failure) -> [Action] {
        switch failure.code {
        case .connectionLoss:
            phase = .listing(wait.seat)
            return [.list(syncs: true)]
        case .noNode: return rejoin()
        default: return forget(wait.seat) + fail(failure)
        }
    }

    private mutating func blockerChanged(
        _ old: Wait, isGone: Bool, _ connection: Int, _ isInTime: Bool
    ) -> [Action] {
        var wait = old
        // Somebody wrote to the node in my way: it is still there.
        guard isGone else { return [.watch(blocker: wait.blocker, own: nil)] }
        wait.isBlockerGone = true
        phase = .waiting(wait)
        return advance(wait, connection, isInTime)
    }

    private mutating func ownChanged(_ old: Wait, isGone: Bool) -> [Action] {
        var wait = old
        if isGone { return rejoin() }
        wait.seat.isWatched = false
        phase = .waiting(wait)
        return [.watch(blocker: nil, own: wait.seat.name)]
    }

    /// Goes on if nobody is in my way any more. If one was, my own node must have been seen since the list: otherwise that
    /// answer, or that event, is still to come.
    private mutating func advance(_ wait: Wait, _ connection: Int, _ isInTime: Bool) -> [Action] {
        guard wait.isBlockerGone || wait.blocker == nil else { return [] }
        // After a reconnect, watches fire in any order: my own node may be gone too, and I may not have heard yet.
        let isSameConnection = connection == wait.connection
        if wait.isSole {
            guard wait.seat.isWatched, let czxid = wait.seat.czxid else { return [] }
            if isSameConnection, policy.isStable(dialect.isOrdered) { return grant(wait.seat, czxid, isInTime) }
        }
        phase = .listing(wait.seat)
        return [.list(syncs: !isSameConnection || !isInTime)]
    }

    // MARK: Ending

    private mutating func ownWatchFailed(_ grant: Grant, _ failure: Failure) -> [Action] {
        switch failure.code {
        case .connectionLoss: return [.watch(blocker: nil, own: grant.name)]
        case .noNode:
            phase = .over
            return [.lose]
        // Not to be read by us: the deletion goes unnoticed until it is verified.
        default: return []
        }
    }

    private mutating func sessionLost() -> [Action] {
        switch phase {
        case .over: return []
        case .leaving, .holding:
            phase = .over
            return []
        default: return fail(.sessionLost)
        }
    }

    /// The caller does not want to wait any longer.
    private mutating func leave(_ reason: Reason) -> [Action] {
        let old = phase
        switch old {
        case .over, .leaving: return []
        case .enqueuing(let mark, _):
            phase = .leaving(mark: mark)
            return [.fail(reason)]
        case .listing(let seat):
            return forget(seat) + fail(reason)
        case .waiting(let wait):
            return forget(wait.seat) + fail(reason)
        case .holding(let grant):
            phase = .over
            return [.delete(grant.name)]
        case .idle, .marking, .probing: return fail(reason)
        }
    }

    /// Leaves nothing of a create that was under way when the caller left.
    private func cleanUp(_ mark: String, _ create: Result<Created, Failure>) -> [Action] {
        switch create {
        case .success(let created): [.delete(created.name)]
        case .failure(let failure): failure.outcome == .unknown ? [.chase(mark: mark)] : []
        }
    }

    private func forget(_ seat: Seat) -> [Action] {
        seat.name.map { [.delete($0)] } ?? [.chase(mark: seat.mark)]
    }

    private mutating func fail(_ failure: Failure) -> [Action] {
        fail(failure.code == .sessionLost ? .sessionLost : .refused(failure))
    }

    private mutating func fail(_ reason: Reason) -> [Action] {
        phase = .over
        return [.fail(reason)]
    }
}
