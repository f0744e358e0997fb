// SPDX-License-Identifier: Apache-2.0

import ZooKeeperTesting

/// A random history.
package struct Walk: Sendable {
    package var scenario: Scenario
    /// The number of steps for each fault, while the budget lasts.
    package var faultEvery: Int
    package var limit: Int

    package init(_ scenario: Scenario, faultEvery: Int = 12, limit: Int = 20_000) {
        self.scenario = scenario
        self.faultEvery = faultEvery
        self.limit = limit
    }

    /// - Returns: The violation, if there was one, and the choices made.
    package func run(seed: UInt64) -> (violation: Violation?, trace: [Choice]) {
        var random = SplitMix64(seed: seed)
        var world = World(scenario)
        var trace: [Choice] = []
        while trace.count < limit {
            let choices = world.choices
            let steps = choices.filter { !$0.kind.isFault }
            let faults = choices.filter(\.kind.isFault)
            if steps.isEmpty {
                world.checkEnd()
                return (world.violation, trace)
            }
            let choice = !faults.isEmpty && random.oneIn(faultEvery) ? random.pick(faults) : random.pick(steps)
            world.take(choice)
            trace.append(choice)
            if world.violation != nil { return (world.violation, trace) }
        }
        return (Violation(.noProgress, "\(limit) steps, and no end"), trace)
    }
}
