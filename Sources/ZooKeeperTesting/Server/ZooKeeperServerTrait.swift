#if canImport(Testing)
public import Testing

extension ZooKeeperServer {
    /// The server of the test that runs, if it or its suite has the trait ``Testing/Trait/zooKeeperServer``.
    @TaskLocal public static var current: ZooKeeperServer?

    /// The server of the test that runs.
    ///
    /// - Throws: ``TestKitError`` outside of a test with the trait ``Testing/Trait/zooKeeperServer``.
    public static var required: ZooKeeperServer {
        get throws {
            guard let current else { throw TestKitError("this test has no .zooKeeperServer trait") }
            return current
        }
    }
}

/// Gives a test, or all tests of a suite together, a real ZooKeeper server.
///
/// ```swift
/// @Suite(.zooKeeperServer) struct OrderTests {
///     @Test func createsItsNode() async throws {
///         let server = try ZooKeeperServer.required
///         ...
/// ```
public struct ZooKeeperServerTrait: TestTrait, SuiteTrait, TestScoping {
    private let configuration: ServerConfiguration

    fileprivate init(_ configuration: ServerConfiguration) { self.configuration = configuration }

    /// One server for a whole suite.
    public var isRecursive: Bool { false }

    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await ZooKeeperServer.withServer(configuration) { server in
            try await ZooKeeperServer.$current.withValue(server) { try await function() }
        }
    }
}

extension Trait where Self == ZooKeeperServerTrait {
    /// A real server of the test's or suite's own, at ``ZooKeeperServer/required``.
    public static var zooKeeperServer: Self { Self(.init()) }

    /// A real server of the test's or suite's own, set up as `configuration` says.
    public static func zooKeeperServer(_ configuration: ServerConfiguration) -> Self { Self(configuration) }
}
#endif
