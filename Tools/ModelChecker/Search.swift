// SPDX-License-Identifier: Apache-2.0

import ZooKeeperRecipes

/// The search of all worlds of a scenario, breadth first: so the first violation found took the fewest steps.
///
/// That every fair run ends follows from two properties that are checked when all worlds are known. From every world
/// there is a way to an end without a fault: so a run that is fair to all steps comes to one. And the steps that are
/// neither faults nor paced, that is the machine's own requests and their answers, form no circle: so nothing goes
/// round as fast as it can, and every wait has pauses. (Faults cannot be part of a circle, for they take from the
/// budget. A sequence of ever new worlds is no circle either: it ends at the limit, or when a contender joins for the
/// 25th time.)
package struct Search: Sendable {
    package var scenario: Scenario
    /// The largest number of states to search.
    package var limit: Int
    /// `true` if worlds of the same fingerprint are compared by a second one, which is independent of the first.
    package var countsCollisions: Bool

    package init(_ scenario: Scenario, limit: Int = .max, countsCollisions: Bool = false) {
        self.scenario = scenario
        self.limit = limit
        self.countsCollisions = countsCollisions
    }

    package struct Summary: Sendable {
        package var states = 0
        package var transitions = 0
        package var ends = 0
        /// The number of times that two worlds had the same fingerprint and were not the same.
        package var collisions = 0
        package var depth = 0
        /// `true` if all states have been searched.
        package var isComplete = true
        package var violation: Violation?
        package var trace: [Choice] = []
    }

    private struct Step {
        var parent: Int32
        var choice: Choice
    }

    package func run(progress: (Summary) -> Void = { _ in }) -> Summary {
        var report = Summary()
        let first = World(scenario)
        var known: [Int: Int32] = [first.fingerprint: 0]
        var steps = [Step(parent: -1, choice: Choice(.start))]
        // The steps without a fault, and the good ends.
        var edges = Edges()
        var seconds = countsCollisions ? [first.fingerprint(1)] : []
        var ends: [Int32] = []
        var layer: [(number: Int32, world: World)] = [(0, first)]
        while !layer.isEmpty {
            var next: [(number: Int32, world: World)] = []
            for (number, world) in layer {
                let choices = world.choices
                if choices.allSatisfy(\.kind.isFault) {
                    var end = world
                    end.checkEnd()
                    if let violation = end.violation { return failed(violation, number, nil, steps, report) }
                    ends.append(number)
                }
                for choice in choices {
                    var successor = world
                    successor.take(choice)
                    report.transitions += 1
                    if let violation = successor.violation { return failed(violation, number, choice, steps, report) }
                    let fingerprint = successor.fingerprint
                    let target: Int32
                    if let old = known[fingerprint] {
                        target = old
                        if countsCollisions, seconds[Int(old)] != successor.fingerprint(1) { report.collisions += 1 }
                    } else {
                        if countsCollisions { seconds.append(successor.fingerprint(1)) }
                        target = Int32(steps.count)
                        known[fingerprint] = target
                        steps.append(Step(parent: number, choice: choice))
                        next.append((target, successor))
                    }
                    if !choice.kind.isFault { edges.append(number, target, isPaced: choice.kind.isPaced) }
                }
                report.states = steps.count
                if steps.count > limit {
                    report.isComplete = false
                    report.ends = ends.count
                    return report
                }
                if report.states / 50_000 != (report.states - choices.count) / 50_000 { progress(report) }
            }
            report.depth += 1
            layer = next
        }
        report.ends = ends.count
        known = [:]
        if let circle = edges.circle(steps.count) {
            return failed(Violation(.spins, "one comes back here"), Int32(circle), nil, steps, report)
        }
        if let lost = edges.withoutEnd(steps.count, ends) {
            return failed(Violation(.noProgress, "no end can be reached from here"), Int32(lost), nil, steps, report)
        }
        return report
    }

    private func failed(
        _ violation: Violation, _ number: Int32, _ last: Choice?, _ steps: [Step], _ report: Summary
    ) -> Summary {
        var report = report
        report.violation = violation
        var trace = last.map { [$0] } ?? []
        var number = number
        while number > 0 {
            trace.append(steps[Int(number)].choice)
            number = steps[Int(number)].parent
        }
        report.trace = trace.reversed()
        return report
    }
}
