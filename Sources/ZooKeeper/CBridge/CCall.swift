// SPDX-License-Identifier: Apache-2.0

import CZooKeeper
import Synchronization

/// A request that C has: the context of its completion.
///
/// C gets an unretained pointer to it. The calls of a handle keep every call that was ever made, and use it again for
/// another request when it has been answered; and they are kept until the handle is closed, for ever if it cannot be
/// closed. So that pointer is valid whenever C uses it.
///
/// Sendable: the request is changed under the lock of the calls. The buffers are filled before C gets the pointer, and
/// emptied by the one completion that C calls with it; in between stand the locks of the C client.
@safe final class CCall: @unchecked Sendable {
    private unowned let calls: CCalls
    /// The request, while it is under way.
    fileprivate var request: (any TransportRequest)?
    /// The buffers of a transaction, which C fills when it answers.
    var transaction: TransactionCall?
    /// The result of an authentication, which comes before the answer.
    var authentication: AuthenticationResult?

    fileprivate init(_ calls: CCalls) { self.calls = calls }

    fileprivate func clear() {
        request = nil
        transaction = nil
        authentication = nil
    }

    /// Passes the answer on, after which C does not use this call any more.
    func answered(_ result: Result<ServerResponse, ResultFailure>) {
        calls.putBack(self)?.answered(result)
    }

    /// The pointer that C gets.
    var context: UnsafeRawPointer { unsafe UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque()) }

    /// The call behind the pointer that C has got.
    static func at(_ context: UnsafeRawPointer?) -> CCall? {
        // Valid as said above.
        unsafe context.map { unsafe Unmanaged<CCall>.fromOpaque($0).takeUnretainedValue() }
    }
}

/// The calls of a handle: those that C has, and those that can be used again.
final class CCalls: Sendable {
    private struct State {
        var all: [CCall] = []
        var free: [CCall] = []
    }

    private let state = Mutex(State())

    func take(_ request: any TransportRequest) -> CCall {
        state.withLock { state in
            let call: CCall
            if let known = state.free.popLast() {
                call = known
            } else {
                call = CCall(self)
                state.all.append(call)
            }
            call.request = request
            return call
        }
    }

    /// C does not use the call any more, or has not taken it.
    ///
    /// - Returns: The request, unless the handle has been given up meanwhile.
    @discardableResult
    func putBack(_ call: CCall) -> (any TransportRequest)? {
        state.withLock { state in
            defer {
                call.clear()
                state.free.append(call)
            }
            return call.request
        }
    }

    /// The handle is given up: what it answers from now on is not passed on, for the same requests may be under way
    /// through another one.
    func giveUp() {
        let requests = state.withLock { state in
            defer { for call in state.all { call.request = nil } }
            return state.all.compactMap(\.request)
        }
        // Let go of outside the lock.
        withExtendedLifetime(requests) {}
    }

    /// Lets go of everything: C calls nothing any more.
    func removeAll() {
        let calls = state.withLock { state in
            defer { state = State() }
            return state.all
        }
        for call in calls { call.clear() }
    }
}

/// The result of an authentication. C holds a reference of its own to it, for it may note the result when the answer
/// has long come.
final class AuthenticationResult: Sendable {
    private let noted = Mutex<ResultCode?>(nil)

    /// The result, if it has been noted.
    var code: ResultCode? { noted.withLock { $0 } }

    /// Notes a result; the last one counts.
    func note(_ code: ResultCode) { noted.withLock { $0 = code } }
}

/// The credentials that a handle has not shown yet.
final class PendingCredentials: Sendable {
    private let pending: Mutex<[Credential]>

    init(_ credentials: [Credential]) { pending = Mutex(credentials) }

    /// Shows them, for as long as the library takes them.
    func show(_ take: (Credential) -> Bool) {
        pending.withLock { pending in
            while let credential = pending.first, take(credential) { pending.removeFirst() }
        }
    }
}
