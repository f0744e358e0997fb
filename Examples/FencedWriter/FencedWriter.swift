// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import SystemPackage
import ZooKeeper
import ZooKeeperRecipes

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Writes some lines under a lock to a file that refuses late writes. With `--freeze` it becomes a late writer.
///
///     swift run FencedWriter --name alice --freeze
@main struct FencedWriter: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "FencedWriter",
        abstract: "Writes to a file under a lock; the file refuses late writes.",
        discussion: """
            Exit status: 0 if everything was written, 3 if the file refused a write, 1 if something else went wrong, 64 \
            for bad arguments.
            """)

    @Option(help: "The servers, as host:port,host:port/chroot.")
    var connect = "127.0.0.1:2181"

    @Option(help: "The path of the lock.")
    var lock = "/examples/fenced-writer"

    @Option(help: "The file. It is created if it does not exist.")
    var file = "ledger.txt"

    @Option(help: "The name of the writer, which is part of each line.")
    var name = "writer"

    @Option(help: "The number of lines to write, 2 or more.")
    var lines = 3

    @Option(
        help:
            "The session time-out in seconds, within the limits of the servers: the time after which a frozen process loses the lock."
    )
    var sessionTimeout = 4.0

    @Flag(help: "Stops this process right before its second line, until it is continued (fg, or kill -CONT).")
    var freeze = false

    func validate() throws {
        guard sessionTimeout > 0 else { throw ValidationError("--session-timeout must be positive") }
        guard lines >= 2 else { throw ValidationError("--lines must be 2 or more") }
        guard !name.contains("\n") else { throw ValidationError("--name must be one line") }
        do { _ = (try clientConfiguration, try ZNodePath(lock)) } catch { throw ValidationError("\(error)") }
    }

    func run() async throws {
        try await ZooKeeperClient.withClient(clientConfiguration) { client in
            let lock = ZooKeeperLock(client, at: try ZNodePath(lock))
            let ledger = FencedLedger(path: FilePath(file))
            printLine("\(name) waits for \(lock.path)")
            do {
                try await lock.withLock(waitingUpTo: .seconds(60)) { lease in
                    printLine("\(name) holds it, with fencing token \(lease.fencingToken)")
                    try await write(to: ledger, under: lease)
                }
            } catch let error as LockError where error.bodyError is FencedLedger.StaleToken {
                // The lock was lost, so the error is that one, and contains the error that the body threw.
                throw ExitCode(3)
            }
        }
        printLine("\(name) has written everything")
    }

    private func write(to ledger: FencedLedger, under lease: LockLease) async throws {
        for number in 1...lines {
            // Ends the common case early: the lock is lost, and this process knows it.
            try lease.checkHeld()
            // But a process may stop at any moment, also here, between the check and the write (for example when its
            // machine swaps, or is moved). When it continues, it writes. Only the file can refuse that.
            if freeze, number == 2 {
                printLine("\(name) is paused")
                raise(SIGSTOP)
                printLine("\(name) goes on, and writes without knowing how late it is")
            }
            do {
                try ledger.append("\(name) \(number)", token: lease.fencingToken)
                printLine("\(name) wrote line \(number)")
            } catch {
                printLine("\(name) was refused line \(number): \(error)")
                throw error
            }
        }
    }

    private var clientConfiguration: ZooKeeperConfiguration {
        get throws {
            var configuration = try ZooKeeperConfiguration(connect)
            configuration.sessionTimeout = .seconds(sessionTimeout)
            return configuration
        }
    }
}

/// Writes a line at once, also into a pipe, where `print` would buffer it.
private func printLine(_ line: String) { _ = try? FileDescriptor.standardOutput.writeAll("\(line)\n".utf8) }
