// SPDX-License-Identifier: Apache-2.0

import ZooKeeperTesting

/// An address that swallows all packets: whoever connects to it hears nothing.
package final class BlackHole: Sendable {
    private let listener: Socket
    /// The connection that fills the queue of those that wait to be accepted, which nobody does.
    private let filling: Socket

    package init() throws {
        listener = try Socket.listening(backlog: 0)
        filling = try Socket.connected(to: listener.port)
    }

    package var port: Int { listener.port }
}
