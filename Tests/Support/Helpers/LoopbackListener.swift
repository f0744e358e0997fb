// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZooKeeper
import ZooKeeperTesting

/// Accepts connections on a free port of the loopback interface, each served on a thread of its own: for peers that
/// are no ZooKeeper servers.
package final class LoopbackListener: Sendable {
    package struct Connection: Sendable {
        fileprivate let socket: Socket

        /// Waits for bytes and returns them; nothing at the end.
        package func read() -> [UInt8] { socket.read(upTo: 65_536) }

        package func write(_ bytes: [UInt8]) { _ = socket.write(bytes) }
    }

    package let port: Int
    private let socket: Socket
    private let connections = Mutex<[Socket]>([])

    /// - Parameter serve: Runs for every connection, which ends with it.
    package init(_ serve: @escaping @Sendable (Connection) -> Void) throws {
        let socket = try Socket.listening()
        self.socket = socket
        self.port = socket.port
        _ = DetachedThread.start { [weak self] in
            while let connection = socket.accepted() {
                self?.connections.withLock { $0.append(connection) }
                _ = DetachedThread.start {
                    serve(Connection(socket: connection))
                    connection.shutDown()
                }
            }
        }
    }

    /// Ends all connections and accepts no more.
    package func close() {
        socket.shutDown()
        for connection in connections.withLock({ $0 }) { connection.shutDown() }
    }
}
