import ArgumentParser
import ZooKeeper
import ZooKeeperRecipes

/// Takes a lock, holds it for a moment, releases it. Start it twice, and the second waits for the first.
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
                    // Throws at once when the lock is lost: the body is cancelled.
                    try await Task.sleep(for: .seconds(1))
                    // Before every side effect: by our own clock, is the lock still held?
                    try lease.checkHeld()
                    print("worked for \(second) s")
                }
            }
            print("released it")
        }
    }
}
