// SPDX-License-Identifier: Apache-2.0

import CZooKeeper

// What C calls. Top-level functions, because a closure from an isolated context would trap on C's threads. Everything
// here runs on the handle's completion thread unless said otherwise: it copies what it gets, which is valid during the
// call only, passes it on, and returns.

/// A session event, or a watch that fires. The context is the transport.
func sawEvent(
    _ handle: OpaquePointer?, _ type: Int32, _ state: Int32, _ path: UnsafePointer<CChar>?,
    _ context: UnsafeMutableRawPointer?
) {
    guard let context = unsafe context else { return }
    let transport = unsafe Unmanaged<CTransport>.fromOpaque(context).takeUnretainedValue()
    if type == ZOO_SESSION_EVENT {
        // The argument, not `zoo_state`, is the truth for this event.
        switch state {
        case ZOO_CONNECTED_STATE, ZOO_READONLY_STATE:
            unsafe transport.connected(handle)
            let client = unsafe zoo_client_id(handle)?.pointee ?? clientid_t()
            let timeout = Duration.milliseconds(unsafe zoo_recv_timeout(handle))
            unsafe transport.tell(
                .event(
                    .connected(
                        SessionID(rawValue: client.client_id),
                        password: withUnsafeBytes(of: client.passwd) { unsafe [UInt8]($0) },
                        timeout: timeout,
                        isReadOnly: state == ZOO_READONLY_STATE)), from: handle)
        case ZOO_CONNECTING_STATE, ZOO_ASSOCIATING_STATE: unsafe transport.tell(.event(.disconnected), from: handle)
        case ZOO_EXPIRED_SESSION_STATE: unsafe transport.tell(.event(.expired), from: handle)
        case ZOO_AUTH_FAILED_STATE: unsafe transport.tell(.event(.authenticationFailed), from: handle)
        default: break
        }
        return
    }
    guard let path = unsafe path.map({ ServerPath(received: unsafe String(cString: $0)) }) else { return }
    switch type {
    case ZOO_CREATED_EVENT: unsafe transport.tell(.change(path, .created), from: handle)
    case ZOO_DELETED_EVENT: unsafe transport.tell(.change(path, .deleted), from: handle)
    case ZOO_CHANGED_EVENT: unsafe transport.tell(.change(path, .dataChanged), from: handle)
    case ZOO_CHILD_EVENT: unsafe transport.tell(.change(path, .childrenChanged), from: handle)
    default: break
    }
}

/// Passes an answer on. `data` is the call.
private func deliver(
    _ code: Int32, _ data: UnsafeRawPointer?, _ response: @autoclosure () -> ServerResponse?
) {
    guard let call = unsafe CCall.at(data) else { return }
    guard code == 0 else {
        call.answered(.failure(ResultFailure(ResultCode(rawValue: code))))
        return
    }
    if let response = response() {
        call.answered(.success(response))
    } else {
        call.answered(.failure(ResultFailure(.marshallingError)))
    }
}

func answered(_ code: Int32, _ data: UnsafeRawPointer?) {
    unsafe deliver(code, data, .done)
}

func answeredSync(_ code: Int32, _ path: UnsafePointer<CChar>?, _ data: UnsafeRawPointer?) {
    unsafe deliver(code, data, .done)
}

func answeredStat(_ code: Int32, _ stat: UnsafePointer<Stat>?, _ data: UnsafeRawPointer?) {
    unsafe deliver(code, data, unsafe stat.map { .stat(ZNodeStat(unsafe $0.pointee)) })
}

func answeredCreate(
    _ code: Int32, _ path: UnsafePointer<CChar>?, _ stat: UnsafePointer<Stat>?, _ data: UnsafeRawPointer?
) {
    unsafe deliver(
        code, data,
        unsafe path.map {
            .created(
                path: ServerPath(received: unsafe String(cString: $0)),
                stat: unsafe stat.map { ZNodeStat(unsafe $0.pointee) })
        })
}

func answeredData(
    _ code: Int32, _ value: UnsafePointer<CChar>?, _ count: Int32, _ stat: UnsafePointer<Stat>?,
    _ data: UnsafeRawPointer?
) {
    unsafe deliver(
        code, data,
        unsafe stat.map {
            // Null data comes as a null pointer and -1.
            let bytes = unsafe UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : Int(max(count, 0)))
            return .node(ZNode(data: unsafe [UInt8](bytes), stat: ZNodeStat(unsafe $0.pointee)))
        })
}

func answeredChildren(
    _ code: Int32, _ strings: UnsafePointer<String_vector>?, _ stat: UnsafePointer<Stat>?, _ data: UnsafeRawPointer?
) {
    unsafe deliver(
        code, data,
        unsafe stat.map {
            .children(
                unsafe strings.map { unsafe ChildNames($0.pointee) } ?? [], ZNodeStat(unsafe $0.pointee))
        })
}

func answeredACL(
    _ code: Int32, _ acl: UnsafeMutablePointer<ACL_vector>?, _ stat: UnsafeMutablePointer<Stat>?,
    _ data: UnsafeRawPointer?
) {
    unsafe deliver(
        code, data,
        unsafe stat.map {
            .accessControl(
                unsafe acl.map { unsafe AccessControl(unsafe $0.pointee) } ?? AccessControl([]),
                ZNodeStat(unsafe $0.pointee))
        })
}

func answeredTransaction(_ code: Int32, _ data: UnsafeRawPointer?) {
    guard let call = unsafe CCall.at(data), let transaction = call.transaction else { return }
    call.answered(transaction.result(code))
}

/// Notes the result of an authentication and does nothing else: it comes on the I/O thread, or the one that closes,
/// with the library's locks held.
func notedAuthentication(_ code: Int32, _ data: UnsafeRawPointer?) {
    guard let data = unsafe data else { return }
    unsafe Unmanaged<AuthenticationResult>.fromOpaque(data).takeRetainedValue().note(ResultCode(rawValue: code))
}

/// Passes on the result of an authentication: the read behind it has been answered, so it has been too.
func answeredAuthentication(_ code: Int32, _ stat: UnsafePointer<Stat>?, _ data: UnsafeRawPointer?) {
    guard let call = unsafe CCall.at(data) else { return }
    let isAnswered = ResultCode(rawValue: code).isAnswer
    let result = isAnswered ? (call.authentication?.code ?? .ok) : ResultCode(rawValue: code)
    call.answered(result == .ok ? .success(.done) : .failure(ResultFailure(result)))
}

/// Takes the answer to a question that was asked only to be refused.
func ignoredAnswer(_ code: Int32, _ data: UnsafeRawPointer?) {}
