// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// What `Scripts/test-versions` tests with is really what is used.
@Suite(.timeLimit(.minutes(1))) struct VersionTests {
    private static let library = environmentValue("EXPECTED_C_CLIENT")
    private static let server = environmentValue("EXPECTED_SERVER")

    /// `EXPECTED_C_CLIENT` is the path of the library's file.
    @Test(.enabled(if: library != nil)) func theCClientIsTheExpectedOne() throws {
        let files = try readFile("/proc/self/maps").split(separator: "\n").compactMap { line in
            line.split(separator: " ").last.map(String.init)
        }
        #expect(Set(files.filter { $0.contains("libzookeeper_mt") }) == [try #require(Self.library)])
    }

    /// `EXPECTED_SERVER` is the version of the server.
    @Test(.enabled(if: server != nil), .zooKeeperServer) func theServerIsTheExpectedOne() async throws {
        let version = try #require(Self.server)
        let answer = try await ZooKeeperServer.required.ask("srvr")
        #expect(answer.hasPrefix("Zookeeper version: \(version)-"), "\(answer)")
    }
}
