import ModelCheck
import Testing

@Suite struct ModelCheckTests {
    @Test(arguments: Scenario.short) func holds(_ scenario: Scenario) {
        let outcome = Outcome(searching: Search(scenario))
        #expect(outcome.isGood, "\(outcome)")
    }
}
