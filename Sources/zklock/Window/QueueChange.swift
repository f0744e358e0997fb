// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// A change between two states of a queue.
package enum QueueChange: Sendable, Hashable {
    case left(QueueView.Entry)
    case joined(QueueView.Entry)
    case holds(QueueView.Entry)
    /// It waits: one that was there at the beginning, or that holds no longer.
    case waits(QueueView.Entry)
    /// A new problem.
    case problem(String)
    /// Nobody is in the queue.
    case free

    /// The changes from one state to the next.
    ///
    /// - Parameter old: The state before; `nil` at the beginning.
    package static func changes(from old: QueueView?, to new: QueueView, now: Int64) -> [QueueChange] {
        // By paths, which are compared byte by byte.
        func byPath(_ view: QueueView?) -> [ZNodePath: QueueView.Entry] {
            var entries: [ZNodePath: QueueView.Entry] = [:]
            for entry in view?.entries ?? [] { entries[new.path.child(entry.name.name)] = entry }
            return entries
        }
        let before = byPath(old)
        let after = byPath(new)
        var changes: [QueueChange] = (old?.entries ?? []).filter { after[new.path.child($0.name.name)] == nil }
            .map { .left($0) }
        for entry in new.entries {
            let earlier = before[new.path.child(entry.name.name)]
            if earlier == nil, old != nil { changes.append(.joined(entry)) }
            switch (earlier?.state, entry.state) {
            case (.holds, .holds), (.unknown, .unknown): break
            case (_, .holds): changes.append(.holds(entry))
            // One step forward is no news.
            case (.holds, _), (.unknown, _): changes.append(.waits(entry))
            case (nil, _): if old == nil { changes.append(.waits(entry)) }
            case (.waits, _): break
            }
        }
        if new.isFree, old?.isFree != true { changes.append(.free) }
        let known = Set(old?.problems(now: now) ?? [])
        changes += new.problems(now: now).filter { !known.contains($0) }.map { .problem($0.description) }
        return changes
    }

    /// The change in one word.
    package var word: String {
        switch self {
        case .left: "left"
        case .joined: "joined"
        case .holds: "holds"
        case .waits: "waits"
        case .problem: "problem"
        case .free: "free"
        }
    }

    /// The participant that it is about.
    package var entry: QueueView.Entry? {
        switch self {
        case .left(let entry), .joined(let entry), .holds(let entry), .waits(let entry): entry
        case .problem, .free: nil
        }
    }

    /// The text of a problem.
    package var text: String? {
        if case .problem(let text) = self { text } else { nil }
    }

    /// A line for people.
    package func line(at now: Int64) -> String {
        var words = [TimeText.moment(now), text ?? (entry == nil ? word : TextTable.padded(word, 6))]
        if let entry {
            words += [
                TextTable.printable(entry.idText, upTo: 64), entry.accessText, entry.name.library.rawValue,
                TextTable.printable(entry.name.name),
            ]
        }
        return words.joined(separator: "  ")
    }
}
