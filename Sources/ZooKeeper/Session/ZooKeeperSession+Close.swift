// SPDX-License-Identifier: Apache-2.0

// How a session ends. Whatever the C client does then, every call returns and every pending request is let go exactly
// once.

import Synchronization

extension ZooKeeperSession {
    /// Ends the session when nothing is held in it any more.
    ///
    /// From the moment of the call nothing new can be held, and bodies that hold something are cancelled. Until the
    /// last of them has ended and its node is gone, everything else goes on: the connection, the heartbeats, requests.
    /// Then new requests throw `closed`; those that wait for a connection are not sent any more; those before the
    /// close that are not answered within half a second fail. Ephemeral nodes are removed by the server at once if
    /// there is a connection, otherwise when the session times out.
    ///
    /// Waits for bodies no longer than the session's time-out, and when they have ended, for the rest 6 s at the
    /// latest. Past that the session goes on closing by itself. Inside a body that holds something in this session it
    /// does not wait. Calling it again, also at the same time, is harmless.
    package func close() async { _ = await closeIfFree() }

    /// As ``close()``.
    ///
    /// - Returns: The nodes that are still held, if it did not wait for that to end.
    func closeIfFree() async -> [ZNodePath] {
        beginClose()
        if ScopeLineage.isInside(ObjectIdentifier(self)) { return [] }
        let limit = ContinuousClock.now + (settings.closeTimeout ?? timeout)
        await unheld.wait(until: limit, isShielded: true)
        let held = unheld.current == nil ? read { $0.machine.closing.held } : []
        guard held.isEmpty else { return held }
        await released.wait(until: ContinuousClock.now + settings.transportCloseTimeout, isShielded: true)
        return []
    }

    /// As ``close()``, without waiting.
    package func beginClose() {
        change { core, effects in
            core.handle(.retire, at: .now, &effects)
            core.handle(.close, at: .now, &effects)
        }
    }

    /// Lets nothing new be held, and tells bodies to end; the session itself goes on.
    package func retire() {
        change { core, effects in core.handle(.retire, at: .now, &effects) }
    }

    /// Gives the session up, as after too long a silence. For tests.
    package func giveUp() {
        change { core, effects in core.handle(.abandoned, at: .now, &effects) }
    }

    // MARK: What is held

    /// Counts in a holder that relies on the session, and must not be cut off by its closing: to be ended with
    /// ``endHold(_:)`` when the body has ended and its node is gone.
    ///
    /// - Parameters:
    ///   - path: The node that is held, for the warning of a session that does not end; the root if there is none.
    ///   - isContinued: `true` if it takes over from a holder that is still counted in.
    /// - Returns: Its number; `nil` if the session is being closed.
    package func beginHold(at path: ZNodePath, isContinued: Bool = false) -> Int? {
        change { core, _ in core.machine.beginHold(at: path, isContinued: isContinued) }
    }

    package func endHold(_ number: Int) {
        change { core, effects in core.handle(.holdEnded(number), at: .now, &effects) }
    }
}
