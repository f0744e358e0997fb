// SPDX-License-Identifier: Apache-2.0

// How a session makes sure that the servers know its watches after a reconnect.
//
// The C client sets all watches again with one packet, the first on each connection, and ignores the answer. A server that
// throttles may refuse that packet as any other (ThrottledOp): then none of the watches is set, and no event would ever
// come. So the second request on the connection removes one of them, which tells whether it was there, and sets it again.

extension SessionCore {
    /// A look at the server's watches.
    package struct WatchCheck: Sendable, Hashable {
        /// The request that takes a watch off.
        var request: ObjectIdentifier
        var path: ServerPath
        /// A watch of that path has fired on this connection: the server has read the packet.
        var hasFired = false
    }

    /// There is a connection, and the handle is that of the last one. The next request over it is the check.
    mutating func beginWatchCheck(at now: Moment) {
        guard catchUp == .done, watches.setCount > 0, watches.hasOlder else { return }
        guard let (removable, path) = watches.checkable else {
            watches.expectRenewalOfOlder()
            _ = renewWatches(by: \.shortRead, at: now)
            return
        }
        var request = Request(ZNodePath(unchecked: path.string), .removeWatches(removable))
        // Its path is the servers'.
        request.isOutsideChroot = true
        let pending = ownRequest(request, .watchCheck, at: now)
        watchCheck = WatchCheck(request: ObjectIdentifier(pending), path: path)
        queue.prepend(.single(pending), .urgent)
    }

    /// The connection is gone: the next one begins with a check of its own.
    mutating func endWatchCheck() {
        watchCheck = nil
        queue.removeUrgent { $0 == .watchCheck }
        toRepeat.removeAll { $0.purpose == .watchCheck }
    }

    /// The check has been answered.
    mutating func watchChecked(
        _ pending: PendingRequest, _ code: ResultCode, at now: @autoclosure () -> Moment,
        _ effects: inout SessionEffects
    ) {
        guard case .removeWatches(let removable) = pending.request.action, let path = pending.request.path else {
            return
        }
        let check = watchCheck?.request == ObjectIdentifier(pending) ? watchCheck : nil
        if check != nil { watchCheck = nil }
        switch code {
        case .ok: watches.expectRenewal(of: removable, at: path)
        // Nothing else counts but the check of this connection.
        case _ where check == nil || code.isConnectionLoss || check?.hasFired == true: return
        // Not to ask the most of a server that has too much to do: perhaps the packet was not too much for it.
        case .throttled: return repeatLater(pending, at: now(), &effects)
        default: watches.expectRenewalOfOlder()
        }
        _ = renewWatches(by: \.shortRead, at: now())
    }
}
