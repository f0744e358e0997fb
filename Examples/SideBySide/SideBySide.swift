// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import SystemPackage
import ZooKeeper
import ZooKeeperRecipes

/// Acquires a lock again and again, and writes to a node while it holds it. The program in Java beside it does the same.
@main struct SideBySide: AsyncParsableCommand {
    @Argument(help: "The servers, as host:port,host:port/chroot.")
    var servers = "127.0.0.1:2181"

    func run() async throws {
        var configuration = try ZooKeeperConfiguration(servers)
        configuration.sessionTimeout = .seconds(4)
        try await ZooKeeperClient.withClient(configuration) { client in
            let lock = ZooKeeperLock(client, at: "/side-by-side/lock")
            while true {
                printLine("swift waiting")
                do {
                    try await lock.withLock { lease in
                        try await work(client, lease)
                        printLine("swift releasing")
                    }
                } catch LockError.Code.lost {
                    printLine("swift lost")
                } catch ZooKeeperError.Code.badVersion {
                    printLine("swift refused a write")
                } catch let error as ZooKeeperError {
                    printLine("swift failed: \(error)")
                }
            }
        }
    }
}

private func work(_ client: ZooKeeperClient, _ lease: LockLease) async throws {
    let node: ZNodePath = "/side-by-side/work"
    try await client.createIfMissing(node)
    // Whatever its version is. From here on, a late write of an earlier holder is refused.
    var version = try await client.set(node, to: "swift".utf8).version
    printLine("swift granted, node \(lease.nodePath.name), token \(lease.fencingToken), write \(version)")
    for _ in 1...4 {
        // Throws as soon as the lock is lost, since the body is cancelled.
        try await Task.sleep(for: .milliseconds(250))
        try lease.checkHeld()
        version = try await client.set(node, to: "swift".utf8, ifVersion: version).version
        printLine("swift working, write \(version)")
    }
}

/// Writes a line at once, also into a pipe, where `print` would buffer it.
private func printLine(_ line: String) { _ = try? FileDescriptor.standardOutput.writeAll("\(line)\n".utf8) }
