// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// `zklock`, run to its end: everything that it printed, and its status.
func zklock(_ arguments: String...) async throws -> (lines: [String], status: Int32) {
    try await Program(found: "sh").status(["-c", "exec \"$@\" 2>&1", "sh", Program.path(of: "zklock")] + arguments) {
        _ in
    }
}

extension ZooKeeperServer {
    /// Runs `body` with a client and the path of a new node.
    func withQueue(_ body: (ZooKeeperClient, ZNodePath) async throws -> Void) async throws {
        let path = try await makeDirectory()
        try await withClient(in: .root) { try await body($0, path) }
    }
}

extension ZooKeeperClient {
    /// Creates a participant of a mutex that no session owns.
    ///
    /// - Returns: Its name.
    func makeLeftover(at path: ZNodePath) async throws -> String {
        try await create(path.child("_c_\(Sample.guid)-lock-"), mode: .persistentSequential).path.name
    }
}

extension Program.Running {
    /// Waits until it has printed so many lines with this text, and returns the last of these.
    func line(containing text: String, _ count: Int) async throws -> String {
        try await eventually("it prints \(text) for the \(count). time") {
            lines.value.count { $0.contains(text) } >= count
        }
        return lines.value.filter { $0.contains(text) }[count - 1]
    }
}
