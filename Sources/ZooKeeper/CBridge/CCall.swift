import CZooKeeper
import Synchronization

/// A request that C has: the context of its completion.
///
/// C gets an unretained pointer to it. The transport keeps every call that it has ever made, and uses it again for
/// another request when it has been answered; and C keeps the transport until the handle is closed, for ever if it
/// cannot be closed. So that pointer is valid whenever C uses it.
///
/// Sendable: filled before C gets the pointer, and emptied by the one completion that C calls with it. In between
/// stand the locks of the C client; before and after stands the one around the list of free calls.
@safe final class CCall: @unchecked Sendable {
    private unowned let transport: CTransport
    /// The request, while it is under way.
    private(set) var request: (any TransportRequest)?
    /// The buffers of a transaction, which C fills when it answers.
    var transaction: TransactionCall?
    /// The result of an authentication, which comes before the answer.
    var authentication: AuthenticationResult?

    fileprivate init(_ transport: CTransport) { self.transport = transport }

    fileprivate func begin(_ request: any TransportRequest) { self.request = request }

    fileprivate func clear() {
        request = nil
        transaction = nil
        authentication = nil
    }

    /// Passes the answer on, after which C does not use this call any more.
    func answered(_ result: Result<ServerResponse, ResultFailure>) {
        guard let request else { return }
        transport.calls.withLock { $0.putBack(self) }
        request.answered(result)
    }

    /// The pointer that C gets.
    var context: UnsafeRawPointer { unsafe UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque()) }

    /// The call behind the pointer that C has got.
    static func at(_ context: UnsafeRawPointer?) -> CCall? {
        // Valid as said above.
        unsafe context.map { unsafe Unmanaged<CCall>.fromOpaque($0).takeUnretainedValue() }
    }
}

/// The calls of a transport: those that C has, and those that can be used again.
struct CCalls {
    private var all: [CCall] = []
    private var free: [CCall] = []

    mutating func take(_ request: any TransportRequest, for transport: CTransport) -> CCall {
        let call: CCall
        if let known = free.popLast() {
            call = known
        } else {
            call = CCall(transport)
            all.append(call)
        }
        call.begin(request)
        return call
    }

    mutating func putBack(_ call: CCall) {
        call.clear()
        free.append(call)
    }

    /// Lets go of everything: C calls nothing any more.
    mutating func removeAll() {
        all.forEach { $0.clear() }
        all = []
        free = []
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
