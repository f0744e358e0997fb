import CZooKeeper
package import Logging
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A session carried by `libzookeeper_mt`: the owner of one `zhandle_t`, and the only code that knows there is one.
///
/// Why it cannot use freed memory:
/// * The handle is in a mutex. A call borrows it under the lock, `close` takes it out, so no call overlaps
///   `zookeeper_close` or follows it.
/// * C holds one retained reference to this object, as the context of everything. It is released when
///   `zookeeper_close` has returned, after which C calls nothing any more; if that never returns, it is never given
///   back.
/// * The pointers to calls are valid for the reason given at ``CCall``.
package final class CTransport: SessionTransport {
    /// A `zhandle_t *`.
    ///
    /// Sendable: the library's functions may be called from any thread, except while the handle is being closed, which
    /// the mutex around it excludes.
    @safe private struct Handle: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    private enum State: Sendable {
        case idle
        case open(Handle)
        case closed
    }

    /// In milliseconds. The C client waits two thirds of it for the answer to its handshake, and never connects if
    /// that is nothing. What comes of it is for the servers to say, whatever is asked for.
    private static let leastTimeout: Int64 = 200
    /// The C client doubles it in 32 bits, and takes what comes out for silence that has lasted too long.
    private static let mostTimeout = Int64(Int32.max / 2)

    private let servers: [ServerAddress]
    private let pendingCredentials: Mutex<[Credential]>
    let logger: Logger
    private let state = Mutex(State.idle)
    /// Hears what C says, until the handle is closed.
    private let owner = Mutex<(any SessionTransportDelegate)?>(nil)
    let calls = Mutex(CCalls())

    package init(servers: [ServerAddress], credentials: [Credential], logger: Logger) {
        self.servers = servers
        self.pendingCredentials = Mutex(credentials)
        self.logger = logger
    }

    var delegate: (any SessionTransportDelegate)? { owner.withLock { $0 } }

    // MARK: Opening

    package func open(sessionTimeout: Duration, delegate: any SessionTransportDelegate) {
        owner.withLock { $0 = delegate }
        CLogBridge.install(logger)
        // Name resolution may take as long as it likes; and `zookeeper_init` starts threads.
        let isStarted = DetachedThread.start { [self] in
            switch Resolver.resolve(servers) {
            case .failure(let failure): delegate.transport(did: .unreachable(failure.description))
            case .success(let addresses): connect(to: addresses, sessionTimeout, delegate)
            }
        }
        if !isStarted {
            Deadlines.shared.schedule(at: .now) {
                delegate.transport(did: .unreachable("the system refuses to start a thread"))
            }
        }
    }

    private func connect(
        to addresses: String, _ sessionTimeout: Duration, _ delegate: any SessionTransportDelegate
    ) {
        // Given back when the handle is closed. C calls back with it before `zookeeper_init2` returns.
        let context = unsafe Unmanaged.passRetained(self)
        let failure: String? = state.withLock { state in
            guard case .idle = state else {
                unsafe context.release()
                return nil
            }
            let timeout = Int32(
                clamping: min(max(sessionTimeout.wholeMilliseconds, Self.leastTimeout), Self.mostTimeout))
            // Numeric addresses only, so that no name is resolved in there. Never ZOO_READONLY: it fakes answers.
            let handle = unsafe zookeeper_init2(
                addresses, sawEvent, timeout, nil, context.toOpaque(), ZOO_NO_LOG_CLIENTENV, CLogBridge.callback)
            guard let handle = unsafe handle else {
                unsafe context.release()
                return "zookeeper_init failed with errno \(errno)"
            }
            // By default every turn of the I/O loop resolves the addresses again, which costs up to 7x in throughput.
            unsafe zoo_set_servers_resolution_delay(handle, -1)
            unsafe state = .open(Handle(pointer: handle))
            return nil
        }
        if let failure { delegate.transport(did: .unreachable(failure)) }
    }

    /// Prepares a connection that has just been made. On the first one, before anybody's request, the credentials go
    /// out; the library repeats them on later ones. (Any earlier it may refuse them, between two attempts to connect.)
    func connected(_ handle: OpaquePointer?) {
        guard let handle = unsafe handle else { return }
        unsafe CloseOnExec.markConnection(of: handle)
        pendingCredentials.withLock { pending in
            while let credential = pending.first {
                let code = unsafe Self.authenticate(credential, handle, nil, nil)
                if code == ZINVALIDSTATE.rawValue { return }
                pending.removeFirst()
            }
        }
    }

    private static func authenticate(
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

    // MARK: Requests

    package func issue(_ request: any TransportRequest) -> ResultCode? {
        let code: Int32 = state.withLock { state in
            guard case .open(let handle) = state else { return ResultCode.invalidState.rawValue }
            let call = calls.withLock { $0.take(request, for: self) }
            let code = unsafe issue(request.request, request.setsWatch, call, on: handle.pointer)
            // C has not taken it.
            if code != 0 { calls.withLock { $0.putBack(call) } }
            return code
        }
        return code == 0 ? nil : ResultCode(rawValue: code)
    }

    private func issue(_ request: ServerRequest, _ setsWatch: Bool, _ call: CCall, on handle: OpaquePointer) -> Int32 {
        let data = unsafe call.context
        // One function and one context for all watches, so that a session event reaches us once and not once per watch.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let watcher: watcher_fn? = unsafe setsWatch ? sawEvent : nil
        guard let path = request.path?.string else { return unsafe issuePathless(request, call, on: handle) }
        // Explicitly, because a short string would otherwise be copied to the heap.
        return unsafe path.withCString { path in
            switch request.action {
            case .create(let bytes, let mode, let accessControl):
                return unsafe bytes.withCData { bytes, count in
                    unsafe accessControl.withCVector { acl in
                        switch mode.lifetime {
                        case .timeToLive(let milliseconds):
                            unsafe zoo_acreate2_ttl(
                                handle, path, bytes, count, acl, mode.cMode, milliseconds, answeredCreate, data)
                        default:
                            unsafe zoo_acreate2(handle, path, bytes, count, acl, mode.cMode, answeredCreate, data)
                        }
                    }
                }
            case .delete(let version): return unsafe zoo_adelete(handle, path, version, answered, data)
            case .exists: return unsafe zoo_awexists(handle, path, watcher, context, answeredStat, data)
            case .getData: return unsafe zoo_awget(handle, path, watcher, context, answeredData, data)
            case .setData(let bytes, let version):
                return unsafe bytes.withCData { bytes, count in
                    unsafe zoo_aset(handle, path, bytes, count, version, answeredStat, data)
                }
            case .getChildren:
                return unsafe zoo_awget_children2(handle, path, watcher, context, answeredChildren, data)
            case .getAccessControl: return unsafe zoo_aget_acl(handle, path, answeredACL, data)
            case .setAccessControl(let accessControl, let version):
                return unsafe accessControl.withCVector { acl in
                    unsafe zoo_aset_acl(handle, path, version, UnsafeMutablePointer(mutating: acl), answered, data)
                }
            case .sync: return unsafe zoo_async(handle, path, answeredSync, data)
            case .removeWatches(let table):
                let type: ZooWatcherType =
                    switch table {
                    case .dataAndExistence: ZWATCHTYPE_DATA
                    case .children: ZWATCHTYPE_CHILD
                    }
                return unsafe czk_aremove_all_watches(handle, path, type, answered, data)
            case .transaction, .authenticate, .reconfigure: return ZBADARGUMENTS.rawValue
            }
        }
    }

    private func issuePathless(_ request: ServerRequest, _ call: CCall, on handle: OpaquePointer) -> Int32 {
        let data = unsafe call.context
        switch request.action {
        case .transaction(let steps):
            // On a handle whose session is over, `zoo_amulti` frees pointers it never set, from its second operation
            // on. A session can only end so while there is no connection, or by a refused authentication, and while
            // one of those is under way the session issues nothing.
            if steps.count > 1, unsafe zoo_state(handle) != ZOO_CONNECTED_STATE { return ZCONNECTIONLOSS.rawValue }
            let transaction = TransactionCall(steps)
            call.transaction = transaction
            return unsafe zoo_amulti(
                handle, Int32(steps.count), transaction.operations, transaction.results, answeredTransaction, data)
        case .authenticate(let credential):
            // Its completion runs on the I/O thread with the library's locks held, so it only notes the result. The
            // request behind it wakes the I/O thread (ZOOKEEPER-770) and brings the result in the usual way.
            // That completion may come when the call is long answered, so the result has a reference of its own.
            let result = AuthenticationResult()
            call.authentication = result
            let noted = unsafe Unmanaged.passRetained(result)
            let code = unsafe Self.authenticate(credential, handle, notedAuthentication, noted.toOpaque())
            if code == ZINVALIDSTATE.rawValue { unsafe noted.release() }
            return code != 0 ? code : unsafe zoo_aexists(handle, "/", 0, answeredAuthentication, data)
        case .reconfigure(let change):
            // The library copies the lists.
            return unsafe zoo_areconfig(
                handle, change.joining, change.leaving, change.members, change.version, answeredData, data)
        default: return ZBADARGUMENTS.rawValue
        }
    }

    // MARK: Closing

    package func close(done: @escaping @Sendable () -> Void) {
        let handle: Handle? = state.withLock { state in
            defer { state = .closed }
            if case .open(let handle) = state { return handle }
            return nil
        }
        let close: @Sendable () -> Void = { [self] in
            if let handle = handle {
                // Joins threads and says goodbye to the server: up to 4.5 s.
                unsafe zookeeper_close(handle.pointer)
                // C is done with us: gives back what `connect` retained.
                unsafe Unmanaged.passUnretained(self).release()
            }
            calls.withLock { $0.removeAll() }
            owner.withLock { $0 = nil }
            done()
        }
        // Without a thread the handle leaks: closing it here could block the caller, or the very thread it would join.
        _ = DetachedThread.start(close)
    }
}
