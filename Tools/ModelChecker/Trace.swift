// SPDX-License-Identifier: Apache-2.0

/// A history as text, which can be read and replayed.
package struct Trace: Sendable {
    package var scenario: Scenario
    package var choices: [String]

    package init(_ scenario: Scenario, _ choices: [Choice]) {
        self.init(scenario, choices.map(\.description))
    }

    package init(_ scenario: Scenario, _ choices: [String]) {
        self.scenario = scenario
        self.choices = choices
    }

    /// Replays the history. The text has one line per step, and below it the events of that step.
    ///
    /// - Returns: The violation, if there was one; `true` if the history went on to an end; and the text.
    package func replay() -> (violation: Violation?, isComplete: Bool, text: String) {
        var world = World(scenario)
        world.isLogging = true
        var text = ""
        for (number, name) in choices.enumerated() {
            guard let choice = world.choices.first(where: { $0.description == name }) else {
                return (world.violation, false, text + "there is no \(name) now; there is \(world.choices)\n")
            }
            world.take(choice)
            text += "\(number + 1). \(name)\(choice.kind.isFault ? "  (fault)" : "")\n"
            for line in world.log { text += "      \(line)\n" }
        }
        let isComplete = world.choices.allSatisfy(\.kind.isFault)
        if world.violation == nil, isComplete { world.checkEnd() }
        text += "queue: \(world.queueText)\n"
        text += world.violation.map { "VIOLATED: \($0)\n" } ?? "nothing violated so far\n"
        text += "replay: --scenario \"\(scenario.name)\" --replay \"\(choices.joined(separator: " "))\"\n"
        return (world.violation, isComplete, text)
    }
}
