// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ZooKeeperHistory
import ZooKeeperTesting

/// Tests a recipe: many processes use it on an ensemble of real servers while a nemesis injects faults; then the
/// history is checked and drawn.
@main struct RecipeHarness: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipe-harness",
        abstract: "Lets many processes use a recipe on three real servers under faults, and checks every guarantee.",
        discussion: """
            Writes to the output directory: history.jsonl, all events as lines of JSON; timeline.html, a page with every \
            hold, wait and fault; timeline.svg, its picture alone; verdict.json, the result in numbers, for programs.

            Exit status: 0 without violations, 1 with, 2 if it could not run, 64 for options that do not exist, 130 if it \
            was interrupted (what had happened until then is checked and drawn, and a violation is 1).
            """)

    @Option(help: "The recipe that the processes use: \(Workload.names).")
    var workload = Workload.lock

    @Option(
        help: """
            The faults: \(Nemesis.names). A client that is told to stop or to close ends in an orderly way, while bodies \
            continue for up to 1.5 s; a throttled server is flooded, and refuses requests that have to wait.
            """)
    var nemesis = Nemesis.all

    @Option(help: "The duration in seconds, 1 to 86400.")
    var duration = 60

    @Option(help: "The number of processes, 1 to 32.")
    var clients = 5

    @Option(
        name: .customLong("with"),
        help: """
            Another library that takes part in the same queue: \(ExternalLibrary.names). Scripts/build-peers builds its \
            program. go-zookeeper has a lock only.
            """)
    var library: ExternalLibrary?

    @Option(name: .customLong("guests"), help: "The number of its processes, 1 to 8.")
    var externalClients = 2

    @Option(help: "The number of tasks of each process that use the recipe, 1 to 16.")
    var tasks = 2

    @Option(
        help: """
            The highest number of operations that all processes together begin in a second, 0.1 to 10000. Default: each \
            task begins its next one up to 150 ms after the last.
            """)
    var rate: Double?

    @Option(help: "The seed of all random choices. Default: a random one, which is printed.")
    var seed: UInt64?

    @Option(help: "The directory to write to; it is created if it does not exist.")
    var output = "recipe-harness-output"

    /// Runs the command; or a process of the harness, which it starts as itself.
    static func main() async {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.first == "worker" { await Worker.main(Array(arguments.dropFirst())) } else { await main(nil) }
    }

    func validate() throws {
        guard (1...86_400).contains(duration) else { throw ValidationError("--duration must be 1 to 86400") }
        guard (1...32).contains(clients) else { throw ValidationError("--clients must be 1 to 32") }
        guard (1...8).contains(externalClients) else { throw ValidationError("--guests must be 1 to 8") }
        guard (1...16).contains(tasks) else { throw ValidationError("--tasks must be 1 to 16") }
        if let library, !library.supports(workload) {
            throw ValidationError(
                "\(library.rawValue) has no recipe for --workload \(workload.rawValue); use --workload lock")
        }
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
