import ArgumentParser

/// Several processes pass a lock around, on a real server. One is killed while it holds the lock; another stands still
/// for longer than its session lives, and then goes on as if nothing had happened.
@main struct LockDemo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "LockDemo",
        abstract: "Several processes pass a lock around; one is killed and one is frozen while it holds it.",
        discussion: """
            Every holder sends one record to a store, with its fencing token; the store refuses tokens that are older \
            than one it has seen. At the end the file, the timeline and the history kept in ZooKeeper are checked.

            Exit status: 0 without violations, 1 with, 2 if the demonstration could not run.
            """,
        subcommands: [Play.self, Worker.self, Store.self],
        defaultSubcommand: Play.self)
}

extension LockDemo {
    struct Play: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Runs the whole demonstration.")

        @Option(help: "An ensemble to use, as host:port,…/chroot. Without it, a server of its own is started.")
        var connect: String?

        @Option(help: "How many workers take the lock in turn, 3 to 8.")
        var workers = 4

        @Option(help: "How often each of them takes it, 3 to 100.")
        var turns = 4

        func validate() throws {
            guard (3...8).contains(workers) else { throw ValidationError("--workers must be 3 to 8") }
            guard (3...100).contains(turns) else { throw ValidationError("--turns must be 3 to 100") }
        }

        func run() async throws {
            let verdict: Verdict
            do {
                verdict = try await Demonstration.run(connect: connect, workers: workers, turns: turns)
            } catch {
                say("The demonstration could not run: \(error)")
                throw ExitCode(2)
            }
            verdict.print()
            if verdict.violations > 0 { throw ExitCode(1) }
        }
    }
}
