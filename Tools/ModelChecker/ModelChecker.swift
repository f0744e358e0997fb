// SPDX-License-Identifier: Apache-2.0

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
        var randomized = short ? [] : Scenario.randomized
        if let scenario {
            scenarios = scenarios.filter { $0.name.contains(scenario) }
            randomized = randomized.filter { $0.name.contains(scenario) }
        }
        if list { return (scenarios + randomized).forEach { say($0.name) } }
        if let replay { return try show(replay, of: scenarios + randomized) }
        var hasPassed = true
        var states = 0
        var collisions = 0
        say(SearchReport.header)
        for scenario in scenarios {
            var scenario = scenario
            if let faults { scenario.budget = faults }
            let search = Search(scenario, limit: limit, countsCollisions: !trustFingerprints && !short)
            let report = SearchReport(searching: search)
            try tell(report, scenario)
            states += report.states
            collisions += report.collisions
            hasPassed = hasPassed && report.hasPassed
        }
        say("\(states) states" + (short || trustFingerprints ? "" : ", fingerprint collisions: \(collisions)"))
        for scenario in randomized {
            let report = SearchReport(walking: Walk(scenario), seeds: seed..<seed + UInt64(walks))
            try tell(report, scenario)
            hasPassed = hasPassed && report.hasPassed
        }
        if !hasPassed { throw ExitCode.failure }
    }

    private func tell(_ report: SearchReport, _ scenario: Scenario) throws {
        say("\(report)")
        guard stop, !report.hasPassed else { return }
        let what =
            report.violation.map { "\($0.kind.rawValue) after \(report.length) steps" }
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
