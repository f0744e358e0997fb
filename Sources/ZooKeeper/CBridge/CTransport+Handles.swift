// SPDX-License-Identifier: Apache-2.0

import CZooKeeper
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

// Making handles, and replacing one by another that goes on with its session. CTransport+Withdrawing.swift gives up the old
// one.

extension CTransport {
    /// In milliseconds. The C client waits two thirds of it for the answer to its handshake, and never connects if
    /// that is nothing. What comes of it is for the servers to say, whatever is asked for.
    private static let leastTimeout: Int64 = 200
    /// The C client doubles it in 32 bits, and takes what comes out for silence that has lasted too long.
    private static let mostTimeout = Int64(Int32.max / 2)

    package func resolve() {
        let (list, order) = servers.withLock { $0 }
        lookups.ask(for: list, in: order) { [weak self] resolution in self?.resolved(resolution) }
    }

    package func update(servers list: [ServerAddress]) {
        servers.withLock { $0.list = list }
        lookups.update(list)
    }

    private func resolved(_ resolution: Resolver.Resolution) {
        delegate?.transport(
            did: resolution.addresses.isEmpty
                ? .notResolved(resolution.faults.joined(separator: "; "))
                : .resolved(resolution.addresses, faults: resolution.faults))
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

    static let noThread = "the system refuses to start a thread"

    private func refused(_ tell: @escaping @Sendable () -> Void) { Deadlines.shared.schedule(at: .now, tell) }

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
