// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Closes a session that its client has given up: goes back to it, if the servers still have it, only to say goodbye.
package final class SessionFarewell: SessionTransportDelegate {
    private let identity: SessionIdentity
    private let timeout: Duration
    private let transport: any SessionTransport
    /// Fulfilled when there is nothing to wait for any more.
    private let isDone = Promise<Void>()
    private let isClosing = Atomic(false)

    package init(_ identity: SessionIdentity, timeout: Duration, over transport: any SessionTransport) {
        self.identity = identity
        self.timeout = timeout
        self.transport = transport
    }

    /// Waits until the session is closed, or known to be over.
    ///
    /// - Returns: `false` if no server has answered until `deadline`.
    package func say(until deadline: ContinuousClock.Instant) async -> Bool {
        transport.open(sessionTimeout: timeout, delegate: self)
        transport.resolve()
        if case .value = await isDone.wait(until: deadline, isShielded: true) { return true }
        end()
        return false
    }

    /// Gives up.
    package func end() {
        guard !isClosing.exchange(true, ordering: .relaxed) else { return }
        transport.close { [self] in isDone.fulfil(()) }
    }

    package func transport(did event: TransportEvent) {
        switch event {
        case .resolved(let addresses, _):
            transport.connect(to: addresses, resuming: identity, timeout: timeout, onlyIfStuck: false)
        // Closing a handle that is connected says goodbye; one that is not connected any more need not say it.
        case .connected, .expired, .authenticationFailed, .unreachable, .notResolved: end()
        case .disconnected, .diagnosed, .replacing, .opened, .kept: break
        }
    }

    package func transport(sawChangeOf path: ServerPath, _ kind: WatchEvent.Kind) {}
}
