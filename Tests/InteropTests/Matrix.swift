// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// The results of all scenarios: by recipe, peer and fault, the violations of each library, and their number.
final class Matrix: Sendable {
    struct Row: Hashable {
        var recipe: String
        var peer: Peer
        var fault: String
    }

    struct Tally {
        var rounds = 0
        /// The number of violations of each kind.
        var byUs: [String: Int] = [:]
        var byPeer: [String: Int] = [:]
    }

    struct Entry {
        var together = Tally()
        /// The peer by itself.
        var alone = Tally()
    }

    private let state = Shared<(order: [Row], entries: [Row: Entry])>(([], [:]))

    /// Counts rounds that were run.
    func add(_ rounds: Int, _ row: Row, isAlone: Bool) {
        change(row) { entry in
            if isAlone { entry.alone.rounds += rounds } else { entry.together.rounds += rounds }
        }
    }

    /// Counts a violation.
    func add(_ kind: String, by peer: Peer, _ row: Row, isAlone: Bool) {
        change(row) { entry in
            switch (isAlone, peer) {
            case (true, _): entry.alone.byPeer[kind, default: 0] += 1
            case (false, .ours): entry.together.byUs[kind, default: 0] += 1
            case (false, _): entry.together.byPeer[kind, default: 0] += 1
            }
        }
    }

    private func change(_ row: Row, _ body: (inout Entry) -> Void) {
        state.withLock { state in
            if state.entries[row] == nil { state.order.append(row) }
            body(&state.entries[row, default: Entry()])
        }
    }

    /// The matrix as a Markdown table.
    var table: String {
        let (order, entries) = state.withLock { $0 }
        var lines = [
            "| recipe | peer | fault | rounds | by us | by the peer | rounds of the peer alone | by it |",
            "|---|---|---|---|---|---|---|---|",
        ]
        let sorted = order.enumerated().sorted {
            ($0.element.peer.rawValue, $0.element.recipe, $0.offset) < (
                $1.element.peer.rawValue, $1.element.recipe, $1.offset
            )
        }
        for row in sorted.map(\.element) {
            let entry = entries[row] ?? Entry()
            let cells = [
                row.recipe, row.peer.rawValue, row.fault, "\(entry.together.rounds)", Self.text(entry.together.byUs),
                Self.text(entry.together.byPeer), "\(entry.alone.rounds)",
                entry.alone.rounds == 0 ? "-" : Self.text(entry.alone.byPeer),
            ]
            lines.append("| " + cells.joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n")
    }

    private static func text(_ kinds: [String: Int]) -> String {
        if kinds.isEmpty { return "0" }
        return kinds.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    }
}
