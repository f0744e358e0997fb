// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// Lets several processes use one lock on a real server. One is killed while it holds the lock; another is frozen for
/// longer than its session lives, and then writes without checking its lease.
@main struct LockDemo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "LockDemo",
        abstract: "Several processes use one lock; one is killed and one is frozen while it holds it.",
        discussion: """
            Every holder sends one record to a store, with its fencing token; the store refuses tokens that are older \
            than one it has seen. At the end the file, the timeline and the history kept in ZooKeeper are checked.

            Exit status: 0 without violations, 1 with, 2 if the demonstration could not run.
            """)

    @Option(help: "The servers, as host:port,…/chroot. Default: starts a server of its own.")
    var connect: String?

    @Option(help: "The number of processes that take the lock, 3 to 8.")
    var workers = 4

    @Option(help: "The number of times that each of them takes it, 3 to 100.")
    var turns = 4

    /// Runs the demonstration; or one of its processes, which it starts as itself.
    static func main() async {
        let arguments = CommandLine.arguments.dropFirst()
        switch arguments.first {
        case "worker": await Worker.main(Array(arguments.dropFirst()))
        case "store": await FencedStore.main(Array(arguments.dropFirst()))
        default: await main(nil)
        }
    }

    func validate() throws {
        guard (3...8).contains(workers) else { throw ValidationError("--workers must be 3 to 8") }
        guard (3...100).contains(turns) else { throw ValidationError("--turns must be 3 to 100") }
    }

    func run() async throws {
        let checker: Checker
        do {
            checker = try await Demonstration.run(connect: connect, workers: workers, turns: turns)
        } catch {
            printLine("The demonstration could not run: \(error)")
            throw ExitCode(2)
        }
        checker.printReport()
        if checker.violations > 0 { throw ExitCode(1) }
    }
}
