// SPDX-License-Identifier: Apache-2.0

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

/// A session carried by `libzookeeper_mt`: the owner of one `zhandle_t` at a time, and the only code that knows there is
/// one.
///
/// Why it cannot use freed memory:
/// * The handle is in a mutex. A call borrows it under the lock; whoever closes it takes it out first, so no call
///   overlaps `zookeeper_close` or follows it.
/// * Each handle holds one retained reference to this object, as the context of everything. It is released when
///   `zookeeper_close` has returned, after which C calls nothing any more; if that never returns, it is never given
///   back.
/// * The pointers to calls are valid for the reason given at ``CCall``.
package final class CTransport: SessionTransport {
    /// A `zhandle_t *`, and the calls that it has.
    ///
    /// Sendable: the library's functions may be called from any thread, except while the handle is being closed, which
    /// the mutex around it excludes; a handle that is given up belongs to the thread that gets rid of it.
    @safe struct Handle: @unchecked Sendable {
        let pointer: OpaquePointer
        let calls: CCalls
        /// The addresses that it tries, in this order.
        let addresses: [String]
        /// Those that it has not shown yet. It shows them again on later connections.
        let credentials: PendingCredentials

        // The pointer may be that of an earlier one, whose memory is used again.
        static func === (left: Handle, right: Handle) -> Bool { left.calls === right.calls }
    }

    enum State: Sendable {
        case idle
        case open(Handle)
        /// Another handle is being made. With `done` it is not: the session is closed.
        case replacing(done: (@Sendable () -> Void)?)
        case closed
    }

    /// The servers that count from the next question on, and the order in which they are tried.
    let servers: Mutex<(list: [ServerAddress], order: ServerOrder)>
    /// Those that every handle shows.
    let credentials: Mutex<[Credential]>
    /// The questions for their addresses.
    let lookups = NameLookups()
    let logger: Logger
    /// The callback for the log lines of its handles.
    let logSlot: CLogBridge.Slot
    let state = Mutex(State.idle)
    /// Hears what C says, until the handle is closed.
    private let owner = Mutex<(any SessionTransportDelegate)?>(nil)
    /// Handles that are given up, or about to be, and not closed yet.
    let withdrawn = Mutex<[WithdrawnHandle]>([])
    private let peer = Mutex<ServerAddress?>(nil)

    package init(
        servers: [ServerAddress], order: ServerOrder = .random, credentials: [Credential], logger: Logger
    ) {
        self.servers = Mutex((servers, order))
        self.credentials = Mutex(credentials)
        self.logger = logger
        logSlot = CLogBridge.take(for: logger)
    }

    var delegate: (any SessionTransportDelegate)? { owner.withLock { $0 } }

    /// The server that the present connection leads to.
    package var server: ServerAddress? {
        get { peer.withLock { $0 } }
        set { peer.withLock { $0 = newValue } }
    }

    package func open(sessionTimeout: Duration, delegate: any SessionTransportDelegate) {
        owner.withLock { $0 = delegate }
    }

    // MARK: News

    /// The news from C that is no answer.
    enum News: Sendable {
        case event(TransportEvent)
        case change(ServerPath, WatchEvent.Kind)

        /// A connection without a session has this one.
        func ofSession(_ session: SessionID) -> News {
            guard case .event(.connected(let id, let password, let timeout, let isReadOnly)) = self, id.rawValue == 0
            else { return self }
            return .event(.connected(session, password: password, timeout: timeout, isReadOnly: isReadOnly))
        }
    }

    /// Passes news on, unless it is that of a handle that is given up. Runs on the thread that brings it.
    func tell(_ news: News, from handle: OpaquePointer?) {
        let isWithdrawn = withdrawn.withLock { withdrawn in
            guard let index = withdrawn.firstIndex(where: { unsafe $0.handle.pointer == handle }) else { return false }
            withdrawn[index].heard(news)
            return true
        }
        if isWithdrawn { return }
        // A handle that had forgotten its session for a moment goes on with it.
        pass(unsafe handle.map { unsafe news.ofSession(SessionID(rawValue: czk_session($0))) } ?? news)
    }

    func pass(_ news: News) {
        switch news {
        case .event(let event):
            if case .disconnected = event { server = nil }
            delegate?.transport(did: event)
        case .change(let path, let kind): delegate?.transport(sawChangeOf: path, kind)
        }
    }

    // MARK: Requests

    package func issue(_ request: any TransportRequest) -> ResultCode? {
        let code: Int32 = state.withLock { state in
            let handle: Handle
            switch state {
            case .open(let open): handle = open
            // The session knows that it has no connection, or will in a moment.
            case .replacing: return ResultCode.connectionLoss.rawValue
            case .idle, .closed: return ResultCode.invalidState.rawValue
            }
            if case .authenticate(let credential) = request.request.action {
                // Before C knows it: another handle may be made at any time.
                credentials.withLock { if !$0.contains(credential) { $0.append(credential) } }
            }
            let call = handle.calls.take(request)
            let code = unsafe issue(request.request, request.setsWatch, call, on: handle.pointer)
            // C has not taken it.
            if code != 0 { handle.calls.putBack(call) }
            return code
        }
        return code == 0 ? nil : ResultCode(rawValue: code)
    }

    // MARK: Closing

    package func close(done: @escaping @Sendable () -> Void) {
        enum Way {
            case handle(Handle?)
            case mover
        }
        let way: Way = state.withLock { state in
            switch state {
            case .open(let handle):
                state = .closed
                return .handle(handle)
            case .replacing:
                state = .replacing(done: done)
                return .mover
            case .idle, .closed:
                state = .closed
                return .handle(nil)
            }
        }
        guard case .handle(let handle) = way else { return }
        let isStarted = DetachedThread.start { [self] in
            if let handle { destroy(handle) }
            finish(done)
        }
        // Without a thread the handle stays: closing it here could block the caller, or the very thread it would join. C
        // goes on with it and its calls.
        if !isStarted, let handle {
            var stranded = WithdrawnHandle(handle, of: SessionID(rawValue: 0))
            stranded.giveUp()
            withdrawn.withLock { $0.append(stranded) }
        }
    }

    /// Ends a handle: joins its threads, and says goodbye to the server if it is connected. Takes up to 4.5 s.
    func destroy(_ handle: Handle) {
        unsafe zookeeper_close(handle.pointer)
        handle.calls.removeAll()
        // C is done with us: gives back what was retained for this handle.
        unsafe Unmanaged.passUnretained(self).release()
    }

    func finish(_ done: () -> Void) {
        owner.withLock { $0 = nil }
        done()
    }
}
