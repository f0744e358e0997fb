// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A program that is started while clients run does not hold their connections.
@Suite(.timeLimit(.minutes(3))) struct CloseOnExecTests {
    @Test func aChildInheritsNoConnection() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                try await ZooKeeperClient.withClient(relay.configuration) { client in
                    _ = try await client.exists("/")
                    try await expectNotInherited(relay.port)
                    relay.cut()
                    try await eventually("connected again") { relay.traffic.connections == 2 }
                    _ = try await client.exists("/")
                    try await expectNotInherited(relay.port)
                }
            }
        }
    }

    private func expectNotInherited(_ port: Int) async throws {
        let connections = try socketsConnected(to: port)
        #expect(!connections.isEmpty)
        let inherited = try await withTemporaryFile(containing: "") { file in
            // Plain fork and exec, which closes nothing of its own accord.
            // The string lives for the call.
            let code = unsafe system("ls -l /proc/self/fd > \(file)")
            #expect(code == 0)
            return try readFile(file)
        }
        #expect(inherited.contains("/proc/"), "the list is there")
        for inode in connections { #expect(!inherited.contains("socket:[\(inode)]")) }
    }

    /// The kernel's numbers of the sockets that lead to `port` and belong to this process's user.
    private func socketsConnected(to port: Int) throws -> [String] {
        let hex = String(port, radix: 16, uppercase: true)
        let suffix = ":" + String(repeating: "0", count: 4 - hex.count) + hex
        return try readFile("/proc/net/tcp").split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[2].hasSuffix(suffix), fields[3] == "01" else { return nil }
            return String(fields[9])
        }
    }
}
