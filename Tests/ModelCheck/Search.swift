import ZooKeeperRecipes

/// All worlds of a scenario, breadth first: so what is found first took the fewest steps.
package struct Search: Sendable {
    package var scenario: Scenario
    /// How many states to look at, at most.
    package var limit: Int

    package init(_ scenario: Scenario, limit: Int = .max) {
        self.scenario = scenario
        self.limit = limit
    }

    package struct Report: Sendable {
        package var states = 0
        package var transitions = 0
        package var ends = 0
        package var depth = 0
        /// Whether all there are have been seen.
        package var isComplete = true
        package var violation: Violation?
        package var trace: [Choice] = []
    }

    private struct Step {
        var parent: Int32
        var choice: Choice
    }

    package func run(progress: (Report) -> Void = { _ in }) -> Report {
        var report = Report()
        let first = World(scenario)
        var known: [Int: Int32] = [first.fingerprint: 0]
        var steps = [Step(parent: -1, choice: Choice(.start))]
        // Into which states one comes without a fault, by twos; and which are good ends.
        var edges: [(from: Int32, to: Int32)] = []
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
                    } else {
                        target = Int32(steps.count)
                        known[fingerprint] = target
                        steps.append(Step(parent: number, choice: choice))
                        next.append((target, successor))
                    }
                    if !choice.kind.isFault { edges.append((number, target)) }
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
        if let lost = withoutEnd(steps.count, edges, ends) {
            return failed(Violation(.noProgress, "no end can be reached from here"), Int32(lost), nil, steps, report)
        }
        return report
    }

    /// A state from which no end can be reached, if there is one: the first.
    private func withoutEnd(_ count: Int, _ edges: [(from: Int32, to: Int32)], _ ends: [Int32]) -> Int? {
        var start = [Int32](repeating: 0, count: count + 1)
        for edge in edges { start[Int(edge.to) + 1] += 1 }
        for index in 1...count { start[index] += start[index - 1] }
        var position = start
        var sources = [Int32](repeating: 0, count: edges.count)
        for edge in edges {
            sources[Int(position[Int(edge.to)])] = edge.from
            position[Int(edge.to)] += 1
        }
        var reaches = [Bool](repeating: false, count: count)
        var stack = ends
        for end in ends { reaches[Int(end)] = true }
        while let state = stack.popLast() {
            for source in sources[Int(start[Int(state)])..<Int(start[Int(state) + 1])] where !reaches[Int(source)] {
                reaches[Int(source)] = true
                stack.append(source)
            }
        }
        return reaches.firstIndex(of: false)
    }

    private func failed(
        _ violation: Violation, _ number: Int32, _ last: Choice?, _ steps: [Step], _ report: Report
    ) -> Report {
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
