import CZooKeeper
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

// Making handles, and replacing one by another that goes on with its session.

extension CTransport {
    /// In milliseconds. The C client waits two thirds of it for the answer to its handshake, and never connects if
    /// that is nothing. What comes of it is for the servers to say, whatever is asked for.
    private static let leastTimeout: Int64 = 200
    /// The C client doubles it in 32 bits, and takes what comes out for silence that has lasted too long.
    private static let mostTimeout = Int64(Int32.max / 2)

    // Name resolution may take as long as it likes; and `zookeeper_init` starts threads.
    package func resolve() {
        guard let delegate else { return }
        let isStarted = DetachedThread.start { [self] in
            let (list, order) = servers.withLock { $0 }
            let resolution = Resolver.resolve(list, in: order)
            if resolution.addresses.isEmpty {
                delegate.transport(did: .notResolved(resolution.faults.joined(separator: "; ")))
            } else {
                delegate.transport(did: .resolved(resolution.addresses, faults: resolution.faults))
            }
        }
        if !isStarted { refused { delegate.transport(did: .notResolved(Self.noThread)) } }
    }

    package func diagnose(_ addresses: [String]) {
        guard let delegate else { return }
        // Without a thread nothing is found out.
        _ = DetachedThread.start {
            // A few say enough.
            let findings = ServerProbe.look(at: Array(addresses.prefix(16)), patience: 500)
            delegate.transport(did: .diagnosed(findings))
        }
    }

    package func connect(
        to addresses: [String], resuming identity: SessionIdentity?, timeout: Duration, onlyIfStuck: Bool
    ) {
        guard let delegate else { return }
        let isStarted = DetachedThread.start { [self] in
            let old: Handle? = state.withLock { state in
                if case .open(let handle) = state { return handle }
                return nil
            }
            if let old, (onlyIfStuck && !isStuck(old)) || !withdraw(old) {
                return delegate.transport(did: .kept(old.addresses))
            }
            replace(old, by: addresses, identity, timeout, delegate)
        }
        if !isStarted {
            refused { [self] in
                // Without one there is nothing to go on with.
                let kept: Handle? = state.withLock { if case .open(let handle) = $0 { handle } else { nil } }
                delegate.transport(did: kept.map { .kept($0.addresses) } ?? .unreachable(Self.noThread))
            }
        }
    }

    private static let noThread = "the system refuses to start a thread"

    private func refused(_ tell: @escaping @Sendable () -> Void) { Deadlines.shared.schedule(at: .now, tell) }

    // MARK: The old handle

    /// Tells whether the handle hangs at an address. One whose servers refuse it goes round: most of the time it rests.
    private func isStuck(_ handle: Handle) -> Bool {
        for _ in 0..<5 {
            // Valid: only this thread takes the handle out, or `close`, under the lock.
            guard let current = currentState(of: handle), Self.hanging.contains(current) else { return false }
            usleep(20_000)
        }
        return currentState(of: handle).map(Self.hanging.contains) ?? false
    }

    private static let connected = [ZOO_CONNECTED_STATE, ZOO_READONLY_STATE]
    private static let hanging = [ZOO_CONNECTING_STATE, ZOO_ASSOCIATING_STATE]

    /// The state of the handle; `nil` if it is not the present one any more.
    private func currentState(of handle: Handle) -> Int32? {
        state.withLock { state in
            guard case .open(let open) = state, open === handle else { return nil }
            return unsafe zoo_state(handle.pointer)
        }
    }

    /// Gives a handle up, so that another one can go on with its session.
    ///
    /// A handle that is closed while it is connected says goodbye: the session would end, and its locks would go to others
    /// while their bodies run. So it forgets the session first. If it connects from now on, it asks for a new one, whose
    /// goodbye harms nobody. Only a handshake that is under way may have asked for the old one: then it is closed when
    /// nothing can come of that any more, see ``getRid(of:)``. A connection that has no session by the field that it has
    /// forgotten it in has that of before: it was forgotten while the answer to the handshake was being taken in.
    ///
    /// - Returns: `false` if it has got a connection for its session meanwhile, and goes on; or if the transport is
    ///   being closed.
    private func withdraw(_ handle: Handle) -> Bool {
        let mine: SessionID? = state.withLock { state in
            guard case .open(let open) = state, open === handle,
                unsafe !Self.connected.contains(zoo_state(handle.pointer))
            else { return nil }
            let id = unsafe SessionID(rawValue: czk_session(handle.pointer))
            withdrawn.withLock { $0.append(WithdrawnHandle(handle, of: id)) }
            // One that never had a session has none to lose.
            if id.rawValue != 0 { unsafe czk_forget_session(handle.pointer) }
            return id
        }
        guard let id = mine else { return false }
        // Longer than it takes from reading the id to the state that says that the handshake is out.
        usleep(20_000)
        let isConnected = withdrawn.withLock { withdrawn in
            guard let index = withdrawn.firstIndex(where: { $0.handle === handle }) else { return false }
            // Its event may not have been heard yet.
            let present = unsafe SessionID(rawValue: czk_session(handle.pointer))
            let hasIt =
                unsafe Self.connected.contains(zoo_state(handle.pointer)) && (present == id || present.rawValue == 0)
            if hasIt || withdrawn[index].isConnected {
                if id.rawValue != 0 { unsafe czk_remember_session(handle.pointer, id.rawValue) }
                return true
            }
            withdrawn[index].giveUp()
            return false
        }
        if isConnected {
            goOn(with: handle)
            return false
        }
        let isOpen = state.withLock { state in
            guard case .open(let open) = state, open === handle else { return false }
            state = .replacing(done: nil)
            return true
        }
        // If not, it is being closed, with its session.
        if isOpen { handle.calls.giveUp() } else { withdrawn.withLock { $0.removeAll { $0.handle === handle } } }
        return isOpen
    }

    /// Passes on the news of a handle that has been kept back, and what comes meanwhile behind it.
    private func goOn(with handle: Handle) {
        while true {
            let news: [News] = withdrawn.withLock { withdrawn in
                guard let index = withdrawn.firstIndex(where: { $0.handle === handle }) else { return [] }
                let news = withdrawn[index].takeNews()
                if news.isEmpty { withdrawn.remove(at: index) }
                return news
            }
            if news.isEmpty { return }
            for news in news { pass(news) }
        }
    }

    /// Closes a handle that has been given up, as soon as its goodbye cannot be that of its old session: it is not
    /// connected and no handshake is under way, or it is connected with another session. If it gets the old one after
    /// all, the new handle takes that back from it: the same server closes the old connection then, and another one does
    /// when it is asked for a transaction, by the leader's word, which knows who has the session.
    private func getRid(of handle: Handle) {
        if closeIfSafe(handle) { return }
        // Without a thread it leaks.
        _ = DetachedThread.start { [self] in
            var turns = 0
            while !closeIfSafe(handle) {
                usleep(50_000)
                turns += 1
                if turns % 20 == 0 { ask(handle) }
            }
        }
    }

    /// Asks for something that the leader refuses in any case: a node to be deleted that is there, of a version that it never
    /// has. Only what would be a transaction is checked for the owner of its session: a sync through a follower is not.
    private func ask(_ handle: Handle) {
        // C takes it only if there is a connection, and calls back before the handle is gone.
        _ = unsafe zoo_adelete(handle.pointer, "/zookeeper/quota", Int32.max, ignoredAnswer, nil)
    }

    private func closeIfSafe(_ handle: Handle) -> Bool {
        let current = unsafe zoo_state(handle.pointer)
        // A session that is over is said goodbye to, if anything.
        let isOver = state.withLock { if case .closed = $0 { true } else { false } }
        let isSafe =
            isOver
            || withdrawn.withLock { withdrawn in
                guard let index = withdrawn.firstIndex(where: { $0.handle === handle }) else { return false }
                switch current {
                case ZOO_ASSOCIATING_STATE: return false
                case ZOO_CONNECTED_STATE, ZOO_READONLY_STATE: return withdrawn[index].isConnectedElsewhere
                default: return true
                }
            }
        guard isSafe else { return false }
        destroy(handle)
        withdrawn.withLock { $0.removeAll { $0.handle === handle } }
        return true
    }

    // MARK: The new handle

    /// - Parameter old: The handle that has been given up.
    private func replace(
        _ old: Handle?, by addresses: [String], _ identity: SessionIdentity?, _ timeout: Duration,
        _ delegate: any SessionTransportDelegate
    ) {
        if let old {
            server = nil
            delegate.transport(did: .replacing)
            getRid(of: old)
        } else {
            let isIdle = state.withLock { state in
                guard case .idle = state else { return false }
                state = .replacing(done: nil)
                return true
            }
            guard isIdle else { return }
        }
        let (failure, done) = make(addresses, identity, timeout)
        if let done { return finish(done) }
        guard let failure else { return delegate.transport(did: .opened(addresses)) }
        // A session that lives goes on as soon as there is a handle again.
        delegate.transport(did: identity == nil ? .unreachable(failure) : .kept([]))
    }

    /// - Returns: The failure, if there is one; or what is to be called because the transport is being closed.
    private func make(
        _ addresses: [String], _ identity: SessionIdentity?, _ timeout: Duration
    ) -> (failure: String?, done: (@Sendable () -> Void)?) {
        // Given back when the handle is closed. C calls back with it before `zookeeper_init2` returns.
        let context = unsafe Unmanaged.passRetained(self)
        return state.withLock { state in
            if case .replacing(let done?) = state {
                unsafe context.release()
                state = .closed
                return (nil, done)
            }
            let milliseconds = Int32(clamping: min(max(timeout.wholeMilliseconds, Self.leastTimeout), Self.mostTimeout))
            // In the order that it is given, and not in one of its own: for the whole process.
            zoo_deterministic_conn_order(1)
            let pointer = unsafe withClientID(identity) { client in
                // Numeric addresses only, so that no name is resolved in there. Never ZOO_READONLY: it fakes answers.
                unsafe zookeeper_init2(
                    addresses.joined(separator: ","), sawEvent, milliseconds, client, context.toOpaque(),
                    ZOO_NO_LOG_CLIENTENV,
                    logSlot.callback)
            }
            guard let pointer = unsafe pointer else {
                unsafe context.release()
                state = .idle
                return ("zookeeper_init failed with errno \(errno)", nil)
            }
            // By default every turn of the I/O loop resolves the addresses again, which costs up to 7x in throughput.
            unsafe zoo_set_servers_resolution_delay(pointer, -1)
            state = .open(
                unsafe Handle(
                    pointer: pointer, calls: CCalls(), addresses: addresses,
                    credentials: PendingCredentials(credentials.withLock { $0 })))
            // One that is gone may have had this memory.
            withdrawn.withLock { $0.removeAll { unsafe $0.handle.pointer == pointer } }
            return (nil, nil)
        }
    }

    /// Calls `body` with the session as C wants it, which copies it.
    private func withClientID<Result>(
        _ identity: SessionIdentity?, _ body: (UnsafePointer<clientid_t>?) -> Result
    ) -> Result {
        guard let identity else { return body(nil) }
        var client = clientid_t()
        client.client_id = identity.id.rawValue
        unsafe withUnsafeMutableBytes(of: &client.passwd) { bytes in
            unsafe bytes.copyBytes(from: identity.password.prefix(bytes.count))
        }
        return unsafe body(&client)
    }

    // MARK: Connections

    /// Prepares a connection that has just been made. Before anybody's request on a handle's first one, the credentials
    /// go out; the library repeats them on later ones. (Any earlier it may refuse them, between two attempts to connect.)
    func connected(_ pointer: OpaquePointer?) {
        guard let pointer = unsafe pointer else { return }
        let peer = unsafe CloseOnExec.markConnection(of: pointer)
        let handle: Handle? = state.withLock { state in
            guard case .open(let handle) = state, unsafe handle.pointer == pointer else { return nil }
            return handle
        }
        // One that is given up has nothing to show to anybody.
        guard let handle else { return }
        server = peer
        handle.credentials.show { credential in
            unsafe Self.authenticate(credential, handle.pointer, nil, nil) != ZINVALIDSTATE.rawValue
        }
    }

    static func authenticate(
        _ credential: Credential, _ handle: OpaquePointer, _ completion: void_completion_t?,
        _ context: UnsafeRawPointer?
    ) -> Int32 {
        // The library copies scheme and proof.
        unsafe credential.proof.withUnsafeBytes { proof in
            unsafe zoo_add_auth(
                handle, credential.scheme, proof.baseAddress?.assumingMemoryBound(to: CChar.self),
                Int32(proof.count), completion, context)
        }
    }
}
