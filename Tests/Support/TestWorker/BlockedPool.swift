// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Holds a lock while user code blocks every thread of the cooperative pool: `CONNECT PATH MILLISECONDS`.
///
/// A thread of its own looks at the lease all the time. Prints `kept` when the pool has been blocked for the time given
/// and the lease never failed; then goes on blocking, and prints `lost in time` when the lease fails, neither before
/// nor after its own deadline.
enum BlockedPool {
    static func run(_ arguments: [String]) async throws {
        var configuration = try ZooKeeperConfiguration(arguments[0])
        configuration.sessionTimeout = .seconds(3)
        let duration = Duration.milliseconds(Int64(arguments[2]) ?? 0)
        let client = try ZooKeeperClient(configuration)
        let run = Task { await client.run() }
        let held = try await ZooKeeperLock(client, at: try ZNodePath(arguments[1])).acquire()
        let lease = held.lease
        // More tasks than threads, each of which blocks its thread until the process ends.
        for _ in 0..<64 {
            Task { while true { usleep(10_000) } }
        }
        let isStarted = DetachedThread.start {
            let start = ContinuousClock.now
            var isKept = false
            while true {
                // The deadline only moves on, so these are its bounds at the moment of the check.
                let earliestDeadline = lease.expiresBy
                let before = ContinuousClock.now
                let isHeld = (try? lease.checkHeld()) != nil
                let now = ContinuousClock.now
                let latestDeadline = lease.expiresBy
                if isHeld, before > latestDeadline { finish("held after its deadline", 1) }
                if !isHeld {
                    if !isKept { finish("lost while the server was there", 1) }
                    if now < earliestDeadline { finish("lost before its deadline", 1) }
                    finish("lost in time", 0)
                }
                if !isKept, start.duration(to: now) >= duration {
                    isKept = true
                    say("kept")
                }
                usleep(500)
            }
        }
        guard isStarted else { fatalError("no thread") }
        await run.value
    }

    private static func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    private static func finish(_ line: String, _ status: Int32) -> Never {
        say(line)
        exit(status)
    }
}
