// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

/// A queue as lines for people.
package struct QueueText: Sendable {
    /// The time, in milliseconds since 1970.
    package var now: Int64
    /// The time after which a first participant is a problem.
    package var limit: Duration?

    package init(now: Int64, stuckAfter limit: Duration? = nil) {
        self.now = now
        self.limit = limit
    }

    /// The queue with all its participants.
    package func details(of view: QueueView) -> [String] {
        var lines = [heading(of: view)]
        let rows = TextTable(view.groups.flatMap { $0.entries.map { columns(of: $0) } }).rows
        var position = 0
        for group in view.groups {
            if view.groups.count > 1 { lines.append("  \(group.title)") }
            lines += rows[position..<position + group.entries.count].map { "  \($0)" }
            position += group.entries.count
        }
        lines += problems(of: view)
        if view.isSemaphore {
            lines.append(
                """
                  a semaphore of Curator: \(view.path.child("leases")) has a child for each holder, \
                \(view.path.child("locks")) for each that waits
                """)
        } else if !view.otherChildren.isEmpty {
            let shown = view.otherChildren.prefix(5).map { TextTable.printable($0) }.joined(separator: ", ")
            let rest = view.otherChildren.count > 5 ? ", and \(view.otherChildren.count - 5) more" : ""
            lines.append("  other children: \(shown)\(rest)")
        }
        return lines
    }

    /// Queues with one line each, and their problems.
    package func overview(of views: [QueueView]) -> [String] {
        let width = views.map(\.path.string.count).filter { $0 <= 60 }.max() ?? 0
        return views.flatMap { view in [heading(of: view, width: width)] + problems(of: view) }
    }

    /// The line above the participants of a queue: `/locks/nightly  Curator mutex: 1 holds, 2 wait`.
    package func heading(of view: QueueView, width: Int = 0) -> String {
        var states = view.groups.map { "\($0.title): \($0.summary)" }
        if view.isFree { states.append(view.isSemaphore ? "semaphore" : "free") }
        let lastRun = view.lastRun.map { ", last run \(moment($0))" } ?? ""
        return
            "\(TextTable.padded(TextTable.printable(view.path.string), width))  \(states.joined(separator: "; "))\(lastRun)"
    }

    private func problems(of view: QueueView) -> [String] {
        view.problems(stuckAfter: limit, now: now).map { "  \($0.description)" }
    }

    /// A participant by itself.
    package func line(of entry: QueueView.Entry) -> String { columns(of: entry).joined(separator: "  ") }

    private func columns(of entry: QueueView.Entry) -> [String] {
        [
            entry.state.description,
            entry.joined.map { "joined \(moment($0))" } ?? "joined at an unknown time",
            TextTable.printable(entry.idText, upTo: 64), entry.accessText, entry.name.library.rawValue,
            entry.sessionText,
            "token \(entry.fencingToken?.description ?? "unknown")", TextTable.printable(entry.name.name),
        ]
    }

    /// A moment and the time that has passed since.
    private func moment(_ milliseconds: Int64) -> String {
        let age = Duration.milliseconds(max(0, now.subtractingReportingOverflow(milliseconds).partialValue))
        return "\(TimeText.moment(milliseconds)) (\(TimeText.age(age)) ago)"
    }
}

extension QueueView.Group {
    /// The name of the kind, with the libraries if they are not the ones that it is called after.
    package var title: String {
        let others = entries.count { $0.name.library == .goZooKeeper }
        if others == 0 { return kind.title }
        return others == entries.count ? "go-zookeeper lock" : "\(kind.title), with go-zookeeper"
    }

    /// The numbers of those that hold and those that wait: `1 holds, 2 wait`.
    package var summary: String {
        let holding = entries.count { $0.state == .holds }
        let unknown = entries.count { $0.state == .unknown }
        let waiting = entries.count - holding - unknown
        var parts: [String] = []
        if holding > 0 { parts.append(holding == 1 ? "1 holds" : "\(holding) hold") }
        if waiting > 0 { parts.append(waiting == 1 ? "1 waits" : "\(waiting) wait") }
        if unknown > 0 { parts.append("\(unknown) with an unknown position") }
        return parts.joined(separator: ", ")
    }
}

extension QueueView.State: CustomStringConvertible {
    /// The state, for people.
    package var description: String {
        switch self {
        case .holds: "holds"
        case .waits(let ahead): "waits for \(ahead)"
        case .unknown: "unknown"
        }
    }
}

extension QueueView.Entry {
    /// The id of the participant, or the reason for which there is none.
    package var idText: String {
        if let id { return id }
        if isRevocationRequested { return "(asked to release)" }
        return node.data == nil ? "(not readable)" : "(no id)"
    }

    package var accessText: String { name.access == .shared ? "shared" : "exclusive" }

    package var sessionText: String {
        guard let session else { return "session unknown" }
        return isLeftover ? "no session" : "session \(session)"
    }
}
