// SPDX-License-Identifier: Apache-2.0

import ZooKeeperTesting

/// A server that sends the same answer to every client that connects, whatever the client sends.
public final class FixedResponseServer: Sendable {
    private let listener: LoopbackListener

    private init(_ listener: LoopbackListener) { self.listener = listener }

    public var port: Int { listener.port }

    /// - Parameter answer: The answer. If it is empty, the connection stays open and nothing is sent.
    public static func withServer<Success>(
        answering answer: String, isolation: isolated (any Actor)? = #isolation,
        _ body: (FixedResponseServer) async throws -> Success
    ) async throws -> Success {
        let listener = try LoopbackListener { connection in
            if answer.isEmpty {
                while !connection.read().isEmpty {}
            } else {
                _ = connection.read()
                connection.write(Array(answer.utf8))
            }
        }
        defer { listener.close() }
        return try await body(FixedResponseServer(listener))
    }
}
