import ArgumentParser
import ZooKeeperHistory
import ZooKeeperTesting

/// Lets many processes use a recipe on an ensemble of real servers, breaks things meanwhile, and shows what came of it.
@main struct RecipeHarness: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipe-harness",
        abstract: "Many processes use a recipe on three real servers, things go wrong, and every promise is checked.",
        discussion: """
            Writes to the output directory: history.jsonl, every event as a line of JSON; timeline.html, every hold, \
            wait and fault as one page; timeline.svg, its picture alone.

            Exit status: 0 without violations, 1 with, 2 if it could not run, 64 for options that do not exist, 130 if it \
            was interrupted (what had happened until then is checked and drawn, and a violation is 1).
            """,
        subcommands: [Play.self, Worker.self],
        defaultSubcommand: Play.self)
}

extension RecipeHarness {
    struct Play: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "play", abstract: "Runs the servers, the processes and the faults.")

        @Option(help: "What the processes do: \(Workload.names).")
        var workload = Workload.lock

        @Option(
            help: """
                What goes wrong: \(Nemesis.names). A client that is told to stop or to close ends in good order, while bodies \
                go on for up to 1.5 s; a throttled server is flooded, and refuses what has to wait.
                """)
        var nemesis = Nemesis.all

        @Option(help: "For how many seconds, 1 to 86400.")
        var duration = 60

        @Option(help: "How many processes, 1 to 32.")
        var clients = 5

        @Option(
            name: .customLong("with"),
            help: """
                Another library that takes part in the same queue: \(ExternalLibrary.names). Scripts/build-peers builds it.
                """)
        var library: ExternalLibrary?

        @Option(name: .customLong("guests"), help: "How many processes of it, 1 to 8.")
        var externalClients = 2

        @Option(help: "How many tasks of each process take part, 1 to 16.")
        var tasks = 2

        @Option(
            help: """
                How many operations a second are begun at most, by all processes together, 0.1 to 10000. Default: each \
                task begins its next one a moment after the last.
                """)
        var rate: Double?

        @Option(help: "Decides what goes wrong when. Default: a random one, which is printed.")
        var seed: UInt64?

        @Option(help: "The directory to write to; it is made if it does not exist.")
        var output = "recipe-harness-output"

        func validate() throws {
            guard (1...86_400).contains(duration) else { throw ValidationError("--duration must be 1 to 86400") }
            guard (1...32).contains(clients) else { throw ValidationError("--clients must be 1 to 32") }
            guard (1...8).contains(externalClients) else { throw ValidationError("--guests must be 1 to 8") }
            guard (1...16).contains(tasks) else { throw ValidationError("--tasks must be 1 to 16") }
            if let rate, !(0.1...10_000).contains(rate) { throw ValidationError("--rate must be 0.1 to 10000") }
        }

        func run() async throws {
            let settings = Settings(
                workload: workload, nemesis: nemesis, duration: .seconds(duration), clients: clients, tasks: tasks,
                library: library, externalClients: library == nil ? 0 : externalClients, rate: rate,
                seed: seed ?? .random(in: 0...999_999),
                output: output)
            let result: Orchestrator.Result
            do { result = try await Orchestrator.run(settings) } catch {
                printError("recipe-harness could not run: \(error)")
                throw ExitCode(2)
            }
            if !result.report.violations.isEmpty { throw ExitCode(1) }
            if result.wasInterrupted { throw ExitCode(130) }
        }
    }
}
