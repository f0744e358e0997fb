// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// One participant of a queue, behind every recipe: a value that takes in events and returns actions.
///
/// Why only one of several contenders is ever granted:
/// * The servers number the nodes of a directory in the order of their creation, and never again give a lower number.
///   So once a list that is not older than my node shows nobody in my way, nobody ever will be.
/// * The list is issued behind the create in the same connection, so it is not older.
/// * I am granted only if my own node is in that list, or was read after those in my way had gone.
///
/// It knows no clock and no I/O, and is Hashable, so that all its states can be explored.
package struct ContenderMachine: Sendable, Hashable {
    /// My node, as far as it is known.
    struct OwnNode: Hashable {
        var guid: String
        /// `nil` after a create of unknown outcome.
        var name: String?
        var czxid: Zxid?
        /// Tells whether a watch is set on it.
        var isWatched = false
        /// The number of contenders in my way in the last list.
        var ahead: Int?
    }

    struct Wait: Hashable {
        var ownNode: OwnNode
        /// The nearest in my way; `nil` if there is none and only my own node is being read.
        var blocker: String?
        /// The one in front of it, if its removal is of interest.
        var second: String?
        /// The first in the queue.
        var holder: String?
        /// The number of the connection over which the list came.
        var connection: Int
        var isBlockerGone = false
        /// The second has gone, and the list that shows whether the nearest is the only one now is under way.
        var isRelisting = false

        /// Tells whether the one that I watch is the only one in my way.
        var isSole: Bool { (ownNode.ahead ?? 0) <= 1 }
    }

    enum Phase: Hashable {
        case idle
        /// About to join: a GUID is all that is missing.
        case joining
        case probing
        case enqueuing(guid: String, createsParents: Bool)
        /// The caller is gone; the create is under way.
        case leaving(guid: String)
        case listing(OwnNode)
        case waiting(Wait)
        case holding(Grant)
        case over
    }

    let dialect: LineDialect
    let policy: ContentionPolicy
    let mode: Mode
    /// Another node of mine in the same queue, which is not in my way: a reader's that tries to become a writer.
    let companion: String?
    /// My node of before, which I give up in the transaction that gives me a new one: a leader's that requeues.
    var replacing: String?
    var phase = Phase.idle
    /// Tells whether the directory is known not to exist.
    var createsParents = false
    /// The number of times in a row that an ancestor was gone again before its child was made.
    var vanishings = 0
    package static let mostVanishings = 20
    /// The number of times in a row that the connection was lost with a create that was not there afterwards.
    var lostCreates = 0
    package static let mostLostCreates = 5
    /// The number of times in a row that something was to be tried again later.
    var retries = 0
    /// From here on the time between two attempts does not grow.
    package static let mostRetries = 8

    package init(
        dialect: LineDialect, policy: ContentionPolicy, mode: Mode, companion: String? = nil, replacing: String? = nil
    ) {
        self.dialect = dialect
        self.policy = policy
        self.mode = mode
        self.companion = companion
        self.replacing = replacing
    }

    /// One that has its place already and holds it.
    package init(holding grant: Grant, dialect: LineDialect, policy: ContentionPolicy) {
        self.init(dialect: dialect, policy: policy, mode: .wait)
        phase = .holding(grant)
    }

    /// The first in the queue, while I wait for it.
    package var holder: String? {
        if case .waiting(let wait) = phase { return wait.holder ?? wait.blocker }
        return nil
    }

    /// My node and how many are in my way, as of the last list; `nil` while I am not in the queue.
    package var position: (node: String, ahead: Int)? {
        let ownNode: OwnNode
        switch phase {
        case .holding(let grant): return (grant.name, 0)
        case .listing(let current): ownNode = current
        case .waiting(let wait): ownNode = wait.ownNode
        default: return nil
        }
        guard let name = ownNode.name, let ahead = ownNode.ahead else { return nil }
        return (name, ahead)
    }

    /// Tells whether the caller is gone, and a create that was to be made need not be made any more.
    package var isLeaving: Bool {
        if case .leaving = phase { return true }
        return false
    }

    /// Tells whether nothing will follow.
    package var isOver: Bool { phase == .over }

    /// The circumstances of an event.
    struct Circumstances {
        /// The number of the connection over which it came.
        var connection: Int
        /// Tells whether the session is known to live.
        var isInTime: Bool
    }

    /// Takes in what happened.
    ///
    /// - Parameters:
    ///   - isInTime: `true` if the session is known to live at this moment.
    ///   - guid: A GUID that has never been used; made only if it is needed.
    package mutating func handle(
        _ event: Event, isInTime: Bool, guid: @autoclosure () -> String
    ) -> [Action] {
        let actions = react(to: event, isInTime: isInTime)
        guard case .joining = phase else { return actions }
        let enqueuing = enqueue(guid())
        return actions.isEmpty ? enqueuing : actions + enqueuing
    }

    private mutating func react(to event: Event, isInTime: Bool) -> [Action] {
        func moment(_ connection: Int) -> Circumstances { Circumstances(connection: connection, isInTime: isInTime) }
        switch (event, phase) {
        case (.start, .idle):
            guard mode == .attempt else { return rejoin() }
            phase = .probing
            return [.probe]
        case (.probed(let list), .probing): return probed(list)
        case (.enqueued(let create, let list, let parents, let connection), .enqueuing(let guid, _)):
            return enqueued(guid, create, list, parents, moment(connection))
        case (.enqueued(let create, _, _, _), .leaving(let guid)):
            return cleanUp(guid, create)
        case (.listed(let list, let connection), .listing(let ownNode)):
            return listed(ownNode, list, moment(connection))
        case (.watched(let blocker, let second, let own, let connection), .waiting(let wait)):
            return watched(wait, blocker, second, own, moment(connection))
        case (.watched(_, _, .failure(let failure)?, _), .holding(let grant)): return ownWatchFailed(grant, failure)
        case (.watched, .holding): return gotOn([])
        case (.checked(let isThere), .holding(let grant)): return checked(grant, isThere)
        case (.blockerChanged(let name, let isGone, let connection), .waiting(let wait)) where wait.blocker == name:
            return blockerChanged(wait, isGone: isGone, moment(connection))
        case (.blockerChanged(let name, let isGone, let connection), .waiting(let wait)) where wait.second == name:
            return isGone ? secondGone(wait, moment(connection)) : [.watch(second: name)]
        case (.relisted(let list, let own, let connection), .waiting(let wait)) where wait.isRelisting:
            return relisted(wait, list, own, moment(connection))
        case (.ownChanged(let name, _), .listing(var ownNode)) where ownNode.name == name:
            // The list says whether it is there; but nobody looks at it any more.
            ownNode.isWatched = false
            phase = .listing(ownNode)
            return []
        case (.ownChanged(let name, let isGone), .waiting(let wait)) where wait.ownNode.name == name:
            return ownChanged(wait, isGone: isGone)
        case (.ownChanged(let name, let isGone), .holding(let grant)) where grant.name == name:
            if !isGone { return [.watch(own: name)] }
            phase = .over
            return [.lose]
        case (.holdingForLong, .holding(let grant)) where !grant.isWatched:
            return [.watch(own: grant.name)]
        case (.sessionLost, _): return sessionLost()
        case (.sessionClosing, .holding), (.blocked, .holding), (.mixedKinds, .holding): return []
        case (.mixedKinds(let node), _): return leave(.mixedKinds(node))
        case (.blocked(let failure), _): return leave(.blocked(failure))
        case (.sessionClosing, _): return leave(.sessionClosing)
        case (.cancelled, _): return leave(.cancelled)
        case (.timedOut, _): return leave(.timedOut(holder: holder))
        case (.released, .holding(let grant)):
            phase = .over
            return [.delete(grant.name)]
        default:
            // Late news of something that has been given up meanwhile.
            return []
        }
    }
}
