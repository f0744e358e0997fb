// SPDX-License-Identifier: Apache-2.0

/// The result of one scenario, as a line of text; and, after a violation, the history that leads to it.
package struct SearchReport: CustomStringConvertible, Sendable {
    package var hasPassed: Bool
    package var description: String
    /// The violation, if there was one.
    package var violation: Violation?
    /// The length of the history that leads to it.
    package var length = 0
    package var states = 0
    /// The number of times that two states had the same fingerprint, if that was checked.
    package var collisions = 0

    package static let header = row("scenario", "faults", "states", "steps", "ends", "time")

    package init(searching search: Search) {
        let clock = ContinuousClock()
        var report = Search.Summary()
        let time = clock.measure { report = search.run() }
        hasPassed = report.violation == nil && report.isComplete && report.collisions == 0
        violation = report.violation
        length = report.trace.count
        states = report.states
        collisions = report.collisions
        description = Self.row(
            search.scenario.name, "\(search.scenario.budget)", "\(report.states)", "\(report.transitions)",
            "\(report.ends)", Self.seconds(time))
        if let violation {
            description += "\n\(violation)\n" + Trace(search.scenario, report.trace).replay().text
        } else if !report.isComplete {
            description += "  INCOMPLETE: more states than the limit"
        }
    }

    package init(walking walk: Walk, seeds: Range<UInt64>) {
        let clock = ContinuousClock()
        var steps = 0
        var failure: (Violation, [Choice], UInt64)?
        let time = clock.measure {
            for seed in seeds {
                let (violation, trace) = walk.run(seed: seed)
                steps += trace.count
                if let violation {
                    failure = (violation, trace, seed)
                    break
                }
            }
        }
        hasPassed = failure == nil
        violation = failure?.0
        length = failure?.1.count ?? 0
        description = Self.row(
            walk.scenario.name, "\(walk.scenario.budget)", "\(seeds.count) walks", "\(steps)", "", Self.seconds(time))
        if let (violation, trace, seed) = failure {
            description += "\nseed \(seed): \(violation)\n" + Trace(walk.scenario, trace).replay().text
        }
    }

    private static func seconds(_ time: Duration) -> String {
        let tenths = Int(time / .milliseconds(100))
        return "\(tenths / 10).\(tenths % 10) s"
    }

    private static func row(_ cells: String...) -> String {
        let widths = [34, 7, 13, 12, 9, 9]
        return zip(cells, widths).enumerated().map { index, cell in
            let blanks = String(repeating: " ", count: max(0, cell.1 - cell.0.count))
            return index == 0 ? cell.0 + blanks : blanks + cell.0
        }.joined(separator: " ")
    }
}
