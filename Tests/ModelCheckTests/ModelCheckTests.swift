import ModelChecker
import Testing

/// All histories of a few contenders, and some of many; `Scripts/model-check` looks at far more.
@Suite struct ModelCheckTests {
    @Test(arguments: Scenario.short) func allHistoriesAreGood(_ scenario: Scenario) {
        let outcome = Outcome(searching: Search(scenario))
        print(outcome)
        #expect(outcome.isGood, "\(outcome)")
    }

    @Test(arguments: Scenario.crowds) func historiesOfManyAreGood(_ scenario: Scenario) {
        let outcome = Outcome(walking: Walk(scenario), seeds: 1..<26)
        print(outcome)
        #expect(outcome.isGood, "\(outcome)")
    }

    /// Two fingerprints that have nothing to do with each other tell the same states apart.
    @Test func fingerprintsDoNotCollide() throws {
        let scenario = try #require(Scenario.short.first)
        let outcome = Outcome(searching: Search(scenario, countsCollisions: true))
        #expect(outcome.collisions == 0)
        #expect(outcome.states == Outcome(searching: Search(scenario)).states)
    }

    /// What is printed for a failure leads to the same end when it is replayed.
    @Test func aHistoryCanBeReplayed() throws {
        let scenario = try #require(Scenario.crowds.first)
        let (violation, choices) = Walk(scenario).run(seed: 7)
        #expect(violation == nil)
        let replayed = Trace(scenario, choices.map(\.description)).replay()
        #expect(replayed.violation == nil)
        #expect(replayed.isComplete, "\(replayed.text)")
    }

    /// A history that stops in the middle has no end: somebody waits.
    @Test func whatIsCutShortIsNotTakenForAnEnd() throws {
        let scenario = try #require(Scenario.short.first)
        let replayed = Trace(scenario, ["A:start", "A:nonsense"]).replay()
        #expect(!replayed.isComplete)
    }
}

extension Scenario: CustomTestStringConvertible {
    public var testDescription: String { name }
}
