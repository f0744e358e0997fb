// SPDX-License-Identifier: Apache-2.0

#if canImport(Testing)
public import Testing

extension ZooKeeperServer {
    /// The server of the running test, if it or its suite has the trait ``Testing/Trait/zooKeeperServer``.
    @TaskLocal public static var current: ZooKeeperServer?

    /// The server of the running test.
    ///
    /// - Throws: ``TestKitError`` outside of a test with the trait ``Testing/Trait/zooKeeperServer``.
    public static var required: ZooKeeperServer {
        get throws {
            guard let current else {
                throw TestKitError("this test has no server; give it or its suite the trait .zooKeeperServer")
            }
            return current
        }
    }
}

/// Starts a real ZooKeeper server for a test, or one for all tests of a suite together.
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

    /// Always `false`: a suite has one server for all its tests.
    public var isRecursive: Bool { false }

    /// Runs the test or suite with a server of its own.
    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await ZooKeeperServer.withServer(configuration) { server in
            try await ZooKeeperServer.$current.withValue(server) { try await function() }
        }
    }
}

extension Trait where Self == ZooKeeperServerTrait {
    /// Provides the test or suite with a real server of its own, in ``ZooKeeperServer/required``.
    public static var zooKeeperServer: Self { Self(.init()) }

    /// Provides the test or suite with a real server of its own that has the given settings.
    public static func zooKeeperServer(_ configuration: ServerConfiguration) -> Self { Self(configuration) }
}
#endif
