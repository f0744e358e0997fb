// SPDX-License-Identifier: Apache-2.0

import ModelChecker
import TestSupport
import Testing

/// All histories of a few contenders, and some of many; `Scripts/model-check` checks far more.
@Suite struct ModelCheckTests {
    @Test(arguments: Scenario.short) func allHistoriesAreGood(_ scenario: Scenario) {
        let report = SearchReport(searching: Search(scenario))
        print(report)
        #expect(report.hasPassed, "\(report)")
    }

    @Test(arguments: Scenario.randomized) func historiesOfManyAreGood(_ scenario: Scenario) {
        let report = SearchReport(walking: Walk(scenario), seeds: 1..<26)
        print(report)
        #expect(report.hasPassed, "\(report)")
    }

    /// Two fingerprints that have nothing to do with each other tell the same states apart.
    @Test func fingerprintsDoNotCollide() throws {
        let scenario = try #require(Scenario.short.first)
        let report = SearchReport(searching: Search(scenario, countsCollisions: true))
        #expect(report.collisions == 0)
        #expect(report.states == SearchReport(searching: Search(scenario)).states)
    }

    /// The choices that are printed for a failure lead to the same end when they are replayed.
    @Test func aHistoryCanBeReplayed() throws {
        let scenario = try #require(Scenario.randomized.first)
        let (violation, choices) = Walk(scenario).run(seed: 7)
        #expect(violation == nil)
        let replayed = Trace(scenario, choices.map(\.description)).replay()
        #expect(replayed.violation == nil)
        #expect(replayed.isComplete, "\(replayed.text)")
    }

    /// The proof of exclusion says how much is checked.
    @Test func thePageSaysHowManyScenariosThereAre() throws {
        let page = try readFile("Recipes/ZooKeeperRecipes.docc/ProofOfExclusion.md")
            .split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(page.contains("\(Scenario.long.count) scenarios"))
        #expect(page.contains("\(Scenario.short.count) scenarios"))
    }

    /// A history that stops in the middle is not complete: a contender waits.
    @Test func whatIsCutShortIsNotTakenForAnEnd() throws {
        let scenario = try #require(Scenario.short.first)
        let replayed = Trace(scenario, ["A:start", "A:nonsense"]).replay()
        #expect(!replayed.isComplete)
    }
}

extension Scenario: CustomTestStringConvertible {
    public var testDescription: String { name }
}
