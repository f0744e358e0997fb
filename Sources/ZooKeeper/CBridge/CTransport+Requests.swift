// SPDX-License-Identifier: Apache-2.0

import CZooKeeper
import Synchronization

// The C client's functions, one for each action.

extension CTransport {
    func issue(_ request: ServerRequest, _ setsWatch: Bool, _ call: CCall, on handle: OpaquePointer) -> Int32 {
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
}
