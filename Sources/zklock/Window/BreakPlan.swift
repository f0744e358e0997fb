// SPDX-License-Identifier: Apache-2.0

package import ZooKeeper

/// The answer to the wish to delete a participant's node.
package enum BreakPlan: Sendable, Hashable {
    /// It may be deleted, if it still has this version.
    case delete(QueueView.Entry, version: Int32)
    /// It may not, for this reason.
    case refuse(String)

    /// - Parameter view: The queue; `nil` if there is no such node.
    package init(_ name: String, of view: QueueView?, at path: ZNodePath) {
        guard let view else {
            self = .refuse("\(path) does not exist")
            return
        }
        guard let entry = view[name] else {
            let isThere = name == ChildGroups.lastRunName || view.otherChildren.contains { $0.hasSameBytes(as: name) }
            self = .refuse("\(path) has no \(isThere ? "participant" : "child") \(name)")
            return
        }
        guard let stat = entry.node.stat else {
            self = .refuse(
                "\(name) cannot be read by this client, which therefore cannot know that it is still the same")
            return
        }
        guard stat.numChildren == 0 else {
            self = .refuse("\(name) has children; no participant of a lock has")
            return
        }
        self = .delete(entry, version: stat.version)
    }

    /// The effect of deleting a participant's node, in sentences for people.
    package static func effect(_ entry: QueueView.Entry) -> String {
        switch entry.state {
        case .holds:
            if entry.isLeftover {
                return """
                    It holds the lock, and no session owns it: it stays until it is deleted. The next in the queue gets \
                    the lock at once.
                    """
            }
            return """
                It holds the lock. The next in the queue gets the lock at once, while its owner may go on working until it \
                notices: soon with swift-zookeeper and zklock, never with Curator, kazoo and go-zookeeper. Stop the owner \
                first.
                """
        case .waits:
            return "It waits. It loses its place: its owner fails, waits for ever, or joins again at the end."
        case .unknown:
            return "It may hold the lock or wait: the sequence numbers of the directory are exhausted."
        }
    }
}
