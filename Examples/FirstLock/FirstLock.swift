// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ZooKeeper
import ZooKeeperRecipes

/// Acquires a lock, holds it for three seconds, and releases it. A second one waits for the first.
///
///     swift run FirstLock 127.0.0.1:2181
@main struct FirstLock: AsyncParsableCommand {
    @Argument(help: "The servers, as host:port,host:port/chroot.")
    var servers = "127.0.0.1:2181"

    func run() async throws {
        try await ZooKeeperClient.withClient(ZooKeeperConfiguration(servers)) { client in
            let lock = ZooKeeperLock(client, at: "/examples/first-lock")
            print("waiting for \(lock.path)")
            try await lock.withLock(waitingUpTo: .seconds(60)) { lease in
                print("holding it, with fencing token \(lease.fencingToken)")
                for second in 1...3 {
                    // Throws as soon as the lock is lost, since the body is cancelled.
                    try await Task.sleep(for: .seconds(1))
                    // Before every side effect: throws if the lock is not held any more by this process's own clock.
                    try lease.checkHeld()
                    print("worked for \(second) s")
                }
            }
            print("released it")
        }
    }
}
