import ArgumentParser
import SystemPackage

/// Looks at all histories of a few contenders with a few faults, and at random ones of many.
@main struct ModelChecker: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model-check",
        abstract: "Checks the state machine of the recipes against the model of ZooKeeper.",
        discussion: """
            Exits with 1 if something was violated, and prints the shortest history that leads to it, which --replay shows \
            again.
            """)

    @Option(help: "Only scenarios whose names contain this.") var scenario: String?
    @Flag(help: "Only the scenarios that the tests look at.") var short = false
    @Option(help: "How many states to look at in each scenario, at most.") var limit = 10_000_000
    @Option(help: "Instead of the scenario's own: how many faults there may be.") var faults: Int?
    @Option(help: "How many random histories of many contenders.") var walks = 20_000
    @Option(help: "The seed of the first of them.") var seed: UInt64 = 1
    @Option(help: "Shows one history: the choices, separated by spaces.") var replay: String?
    @Flag(help: "Ends with the first scenario in which something is violated, and says what in one line.") var stop =
        false
    @Flag(help: "Does not compare the states of the same fingerprint by a second one.") var trustFingerprints = false
    @Flag(help: "Names the scenarios and ends.") var list = false

    func run() throws {
        var scenarios = (short || replay != nil ? Scenario.short : []) + (short ? [] : Scenario.long)
        var crowds = short ? [] : Scenario.crowds
        if let scenario {
            scenarios = scenarios.filter { $0.name.contains(scenario) }
            crowds = crowds.filter { $0.name.contains(scenario) }
        }
        if list { return (scenarios + crowds).forEach { say($0.name) } }
        if let replay { return try show(replay, of: scenarios + crowds) }
        var isGood = true
        var states = 0
        var collisions = 0
        say(Outcome.header)
        for scenario in scenarios {
            var scenario = scenario
            if let faults { scenario.budget = faults }
            let search = Search(scenario, limit: limit, countsCollisions: !trustFingerprints && !short)
            let outcome = Outcome(searching: search)
            try tell(outcome, scenario)
            states += outcome.states
            collisions += outcome.collisions
            isGood = isGood && outcome.isGood
        }
        say("\(states) states" + (short || trustFingerprints ? "" : ", fingerprint collisions: \(collisions)"))
        for scenario in crowds {
            let outcome = Outcome(walking: Walk(scenario), seeds: seed..<seed + UInt64(walks))
            try tell(outcome, scenario)
            isGood = isGood && outcome.isGood
        }
        if !isGood { throw ExitCode.failure }
    }

    private func tell(_ outcome: Outcome, _ scenario: Scenario) throws {
        say("\(outcome)")
        guard stop, !outcome.isGood else { return }
        let what =
            outcome.violation.map { "\($0.kind.rawValue) after \(outcome.length) steps" }
            ?? "more states than the limit"
        say("FAILED \(scenario.name): \(what)")
        throw ExitCode.failure
    }

    /// Writes a line at once, also into a file, where `print` would collect for hours.
    private func say(_ line: String) { _ = try? FileDescriptor.standardOutput.writeAll("\(line)\n".utf8) }

    private func show(_ choices: String, of scenarios: [Scenario]) throws {
        guard let scenario = scenarios.first(where: { $0.name == self.scenario }) ?? scenarios.first else {
            throw ValidationError("no scenario has that name")
        }
        var changed = scenario
        if let faults { changed.budget = faults }
        let (violation, _, text) = Trace(changed, choices.split(separator: " ").map(String.init)).replay()
        say(text)
        if violation != nil { throw ExitCode.failure }
    }
}
