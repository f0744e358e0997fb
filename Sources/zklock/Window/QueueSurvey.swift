// SPDX-License-Identifier: Apache-2.0

package import ZooKeeper

/// The queues at a path and below it.
package struct QueueSurvey: Sendable, Hashable {
    package var path: ZNodePath
    /// The queue at the path itself first, then those below it, in the order of their paths.
    package var queues: [QueueView]
    /// The nodes whose children this client may not list.
    package var unreadable: [ZNodePath] = []
    /// Tells whether everything below the path has been looked at; if not, there is too much of it.
    package var isComplete = true

    package init(_ path: ZNodePath, queues: [QueueView]) {
        self.path = path
        self.queues = queues
    }

    /// The lines for people.
    package func lines(_ text: QueueText) -> [String] {
        guard let first = queues.first, first.path == path else { return text.overview(of: queues) }
        return text.details(of: first) + text.overview(of: Array(queues.dropFirst()))
    }

    package func hasProblems(stuckAfter limit: Duration?, at now: Int64) -> Bool {
        queues.contains { !$0.problems(stuckAfter: limit, now: now).isEmpty }
    }
}
