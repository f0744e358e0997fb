import ZooKeeperTesting

/// Listens, and says the same to everybody who connects, whatever they say.
public final class PretendServer: Sendable {
    private let listener: LoopbackListener

    private init(_ listener: LoopbackListener) { self.listener = listener }

    public var port: Int { listener.port }

    /// - Parameter answer: What to say; nothing and no end if it is empty.
    public static func withServer<Success>(
        answering answer: String, isolation: isolated (any Actor)? = #isolation,
        _ body: (PretendServer) async throws -> Success
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
        return try await body(PretendServer(listener))
    }
}
