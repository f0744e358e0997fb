// SPDX-License-Identifier: Apache-2.0

// How a session makes sure that the servers know its watches after a reconnect.
//
// The C client sets all watches again with one packet, the first on each connection, and ignores the answer. A server that
// throttles may refuse that packet as any other (ThrottledOp): then none of the watches is set, and no event would ever
// come. So the second request on the connection removes one of them, which tells whether it was there, and sets it again.

extension SessionCore {
    /// A look at the server's watches.
    package struct WatchCheck: Sendable, Hashable {
        /// The watch that is taken off, and set again.
        var watches: RemovableWatches
        var path: ServerPath
        /// It has fired on this connection: the server has read the packet.
        var hasFired = false
    }

    /// There is a connection, and the handle is that of the last one. The next request over it is the check.
    mutating func beginWatchCheck(at now: Moment) {
        // Those that are being set again are on their way.
        guard catchUp == .done, watches.setCount > 0, watches.hasFresh else { return }
        guard let (removable, path) = watches.checkable else {
            watches.expectRenewal()
            _ = renewWatches(at: now)
            return
        }
        watchCheck = WatchCheck(watches: removable, path: path)
        var request = Request(ZNodePath(unchecked: path.string), .removeWatches(removable))
        // Its path is the servers'.
        request.isOutsideChroot = true
        queue.prepend(.single(ownRequest(request, .watchCheck, at: now)), .urgent)
    }

    /// The connection is gone: the next one begins with a check of its own.
    mutating func endWatchCheck() {
        watchCheck = nil
        queue.removeUrgent { $0 == .watchCheck }
    }

    /// The check has been answered.
    mutating func watchChecked(
        _ pending: PendingRequest, _ code: ResultCode, at now: @autoclosure () -> Moment,
        _ effects: inout SessionEffects
    ) {
        // Nothing but the check of this connection counts.
        guard let check = watchCheck, check.path == pending.request.path, !code.isConnectionLoss else { return }
        watchCheck = nil
        switch code {
        case .ok: watches.expectRenewal(of: check.watches, at: check.path)
        case .noWatcher where check.hasFired: return
        // The servers have none of the watches; or it is not known, because this was too much for them too.
        default: watches.expectRenewal()
        }
        _ = renewWatches(at: now())
    }
}
