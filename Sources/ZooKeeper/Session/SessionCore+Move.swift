// SPDX-License-Identifier: Apache-2.0

// How a session finds its servers, and goes on at other addresses: through a new handle of the transport, which knows
// neither what the old one has seen nor its watches.

extension SessionCore {
    /// The progress of a session that goes on through a new handle. Until it is done, only urgent requests leave.
    package enum CatchUp: Sendable, Hashable {
        case done
        /// The handle has seen no zxid yet, and its server may lag behind what this client has seen: a sync comes first.
        case syncing
        /// So many reads that set watches again are not answered yet.
        case renewing(Int)
    }

    /// A handle of the transport to make.
    package struct NewHandle: Sendable, Hashable {
        package var addresses: [String]
        package var identity: SessionIdentity?
        package var timeout: Duration
        package var onlyIfStuck: Bool
    }

    // MARK: Addresses

    /// Begins: the names of the servers are asked for.
    package mutating func open(at now: Moment, _ effects: inout SessionEffects) {
        perform(addresses.open(at: now), at: now, &effects)
        expectDiagnosis(at: now, &effects)
    }

    // MARK: Without a server

    /// There is no connection. If none comes, the servers are looked at.
    mutating func expectDiagnosis(at now: Moment, _ effects: inout SessionEffects) {
        guard !isDiagnosing else { return }
        isDiagnosing = true
        hasToldFindings = false
        effects.timers.append(
            (.diagnosis, now + min(settings.diagnosisDelay, .nanoseconds(machine.timeout.nanoseconds / 6))))
    }

    /// Looks at the servers, and again after a while.
    mutating func diagnose(at now: Moment, _ effects: inout SessionEffects) {
        // A connection may have come when the timer had gone off.
        guard isDiagnosing, !machine.state.isFinal else { return }
        effects.diagnoses = addresses.used
        effects.timers.append((.diagnosis, now + max(.seconds(1), .nanoseconds(machine.timeout.nanoseconds / 3))))
    }

    /// The servers have been looked at.
    package mutating func diagnosed(_ found: [ServerFinding], at now: Moment, _ effects: inout SessionEffects) {
        // A connection may have come meanwhile.
        guard isDiagnosing, !found.isEmpty, !machine.state.isFinal else { return }
        findings = found
        if !hasToldFindings { effects.notices.append(.diagnosed(found)) }
        hasToldFindings = true
        let serving = found.filter { $0.behaviour == .serves }.map(\.address)
        perform(addresses.found(serving: serving, at: now, timeout: machine.timeout), at: now, &effects)
    }

    // MARK: Finding them

    package mutating func resolved(
        _ found: [String], faults: [String], at now: Moment, _ effects: inout SessionEffects
    ) {
        let news = faults.filter { !reportedFaults.contains($0) }
        // One that can be resolved again, and then not, is news.
        reportedFaults = faults
        if !news.isEmpty { effects.notices.append(.namesNotResolved(news)) }
        perform(addresses.resolved(found, at: now, timeout: machine.timeout), at: now, &effects)
    }

    package mutating func notResolved(_ reason: String, at now: Moment, _ effects: inout SessionEffects) {
        perform(addresses.notResolved(reason), at: now, &effects)
    }

    /// The transport has made a handle, or goes on with the one that it had.
    package mutating func opened(
        _ tried: [String], isNew: Bool, at now: Moment, _ effects: inout SessionEffects
    ) {
        if isNew {
            addresses.connecting(at: now)
            // Its connection may have been heard of first.
            if machine.isUp { addresses.connected() }
        } else {
            addresses.kept(tried, at: now)
        }
        setAddressTimer(&effects)
    }

    mutating func perform(_ actions: [AddressBook.Action], at now: Moment, _ effects: inout SessionEffects) {
        // A session that is over, or about to be, goes nowhere.
        guard machine.closing.phase < .closing else { return }
        for action in actions {
            switch action {
            case .resolve: effects.resolves = true
            case .connect(let addresses): connect(to: addresses, onlyIfStuck: false, &effects)
            case .reorder(let addresses): connect(to: addresses, onlyIfStuck: true, &effects)
            case .giveUp(let reason): handle(.unreachable(reason), at: now, &effects)
            }
        }
        setAddressTimer(&effects)
    }

    private func connect(to addresses: [String], onlyIfStuck: Bool, _ effects: inout SessionEffects) {
        effects.newHandle = NewHandle(
            addresses: addresses, identity: machine.id.map { SessionIdentity(id: $0, password: password) },
            timeout: machine.timeout, onlyIfStuck: onlyIfStuck)
    }

    mutating func setAddressTimer(_ effects: inout SessionEffects) {
        let next = machine.closing.phase < .closing ? addresses.nextTick(timeout: machine.timeout) : nil
        guard next != addressTimerAt else { return }
        addressTimerAt = next
        effects.timers.append((.addresses, next))
    }

    // MARK: Catching up

    /// The handle of before is gone: what it has not answered has lost its connection, and its watches are to be set
    /// again.
    package mutating func replacing(at now: Moment, _ effects: inout SessionEffects) {
        // A connection of which nothing has been heard is gone too.
        handle(.disconnected, at: now, &effects)
        // What an earlier move has not finished, this one begins anew.
        func isOfMove(_ purpose: PendingRequest.Purpose) -> Bool { purpose == .catchUp || purpose == .watchRenewal }
        queue.removeUrgent(where: isOfMove)
        toRepeat = []
        renewalKeys = [:]
        for pending in queue.allIssued {
            if isOfMove(pending.purpose) {
                _ = queue.finish(pending)
            } else {
                self.answered(pending, with: .failure(ResultFailure(.connectionLoss)), at: now, &effects)
            }
        }
        // A new session has seen nothing, and has nothing to lose.
        guard machine.id != nil else { return }
        catchUp = .syncing
        watches.expectRenewal()
    }

    /// There is a connection: the first thing over it is a sync, unless that has been answered on an earlier one.
    mutating func beginCatchUp(at now: Moment) {
        switch catchUp {
        case .done: break
        case .syncing: queue.append(.single(ownRequest(Request(.root, .sync), .catchUp, at: now)), .urgent)
        // The watches that have been set again were so on the last connection, and this one's packet may be refused.
        case .renewing:
            queue.removeUrgent { $0 == .watchRenewal }
            toRepeat.removeAll { $0.purpose == .watchRenewal }
            watches.expectRenewal()
            renewalKeys = [:]
            let count = renewWatches(by: \.read, at: now)
            catchUp = count == 0 ? .done : .renewing(count)
        }
    }

    /// The sync has been answered, or the connection was lost first: then the next one begins with another.
    mutating func caughtUp(
        _ pending: PendingRequest, _ code: ResultCode, at now: @autoclosure () -> Moment,
        _ effects: inout SessionEffects
    ) {
        guard catchUp == .syncing, code.isAnswer else { return }
        if code == .throttled { return repeatLater(pending, at: now(), &effects) }
        // Answers to probes in front of the sync do not count.
        if isProbing { appendHeartbeat(toLeader: false, at: now()) }
        let count = renewWatches(by: \.read, at: now())
        setCatchUp(count == 0 ? .done : .renewing(count), &effects)
    }

    /// Sets those watches again that a server may not have.
    ///
    /// - Parameter read: The read that does it.
    /// - Returns: Their number.
    mutating func renewWatches(by read: (WatchTable.Key) -> Action<TransactionStep>, at now: Moment) -> Int {
        let renewals = watches.takeRenewals()
        for key in renewals {
            var request = Request(ZNodePath(unchecked: key.path.string), read(key), watch: Watch())
            // Its path is the servers'.
            request.isOutsideChroot = true
            let pending = ownRequest(request, .watchRenewal, at: now)
            renewalKeys[ObjectIdentifier(pending)] = key
            queue.append(.single(pending), .urgent)
        }
        return renewals.count
    }

    /// A read that sets a watch again has been answered.
    mutating func renewed(
        _ pending: PendingRequest, _ result: Result<ServerResponse, ResultFailure>,
        at now: @autoclosure () -> Moment, _ effects: inout SessionEffects
    ) {
        if case .failure(let failure) = result, failure.code == .throttled {
            return repeatLater(pending, at: now(), &effects)
        }
        guard let key = renewalKeys.removeValue(forKey: ObjectIdentifier(pending)) else { return }
        if let renewal = watches.renewed(key, by: pending.request.action, result) {
            if let kind = renewal.kind { fire(renewal.fired, kind, at: renewal.path, &effects) }
            if let removable = renewal.removable { removeWatches(removable, at: renewal.path, at: now(), &effects) }
        }
        if case .renewing(let count) = catchUp { setCatchUp(count > 1 ? .renewing(count - 1) : .done, &effects) }
    }

    /// Asks again after a while: at once would give a server that is too busy more to do.
    mutating func repeatLater(_ pending: PendingRequest, at now: Moment, _ effects: inout SessionEffects) {
        if toRepeat.isEmpty { effects.timers.append((.catchUp, now + repetitionDelay)) }
        toRepeat.append(pending)
    }

    /// The time for what was too much for a server has come.
    mutating func repeatCatchUp(at now: Moment) {
        let pendingRequests = toRepeat
        toRepeat = []
        for pending in pendingRequests {
            if pending.purpose == .catchUp {
                // Without a connection, the next one begins with a sync.
                if machine.isUp { beginCatchUp(at: now) }
            } else if pending.purpose == .watchCheck {
                if machine.isUp { beginWatchCheck(at: now) }
            } else {
                pending.takeBack()
                queue.append(.single(pending), .urgent)
            }
        }
    }

    private mutating func setCatchUp(_ new: CatchUp, _ effects: inout SessionEffects) {
        catchUp = new
        if new == .done { releaseIfReady(&effects) }
    }

    /// A request of the session itself.
    func ownRequest(_ request: Request, _ purpose: PendingRequest.Purpose, at now: Moment) -> PendingRequest {
        PendingRequest(
            request, below: settings.chroot, submittedAt: now,
            retry: purpose == .watchRemoval || purpose == .watchRenewal ? .untilSessionEnds : .never,
            purpose: purpose, delegate: delegate)
    }
}
