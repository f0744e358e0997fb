// SPDX-License-Identifier: Apache-2.0

package import ZooKeeper

// The events and actions of a contender.

extension ContenderMachine {
    package enum Mode: Sendable, Hashable {
        /// Wait for one's turn.
        case wait
        /// Take it if it is free, else leave without a trace.
        case attempt
    }

    /// Why a request failed, as far as it matters here.
    package struct Failure: Error, Sendable, Hashable {
        package var code: ZooKeeperError.Code
        package var execution: ZooKeeperError.Execution

        package init(_ code: ZooKeeperError.Code, _ execution: ZooKeeperError.Execution) {
            self.code = code
            self.execution = execution
        }

        /// Tells whether the same request may succeed a moment later: the servers have not executed it, for lack of
        /// capacity.
        var mayPass: Bool { code == .throttled }

        /// Tells whether the request may have been executed, in a session that goes on.
        var isAmbiguous: Bool {
            execution == .unknown && ![.sessionLost, .closed, .authenticationFailed].contains(code)
        }
    }

    package enum Event: Sendable, Hashable {
        case start
        /// The directory has been listed before joining.
        case probed(Result<ChildNames, Failure>)
        /// Create and list have been answered. `parents` is the first failure that matters of creating the ancestors.
        case enqueued(
            create: Result<Created, Failure>, list: Result<ChildNames, Failure>, parents: Failure?, connection: Int)
        /// The list of joining, of which the event behind this one tells, has a live node of another kind of lock, with which
        /// mine would not exclude each other.
        case mixedKinds(String)
        case listed(Result<ChildNames, Failure>, connection: Int)
        /// The nodes to be watched have been read, with a watch: the nearest in the way, the one in front of it, my own.
        /// `nil` is what was not asked.
        case watched(
            blocker: Result<Zxid, Failure>? = nil, second: Result<Zxid, Failure>? = nil,
            own: Result<Zxid, Failure>? = nil, connection: Int)
        /// The watch on a node in the way fired.
        case blockerChanged(String, isGone: Bool, connection: Int)
        /// The directory has been listed again while I wait, and my own node read behind that, with a watch.
        case relisted(Result<ChildNames, Failure>, own: Result<Zxid, Failure>, connection: Int)
        /// The watch on my own node fired.
        case ownChanged(String, isGone: Bool)
        /// It is time to watch my own node.
        case holdingForLong
        /// My node, which I hold and cannot watch, has been read: `true` if it exists.
        case checked(Result<Bool, Failure>)
        case sessionLost
        /// The owner of the session closes it: nobody is granted in it any more, and holders keep what they have.
        case sessionClosing
        /// A node of this client that cannot be removed turned up in the queue.
        case blocked(Failure)
        case cancelled
        case timedOut
        /// The holder is done.
        case released
    }

    package struct Created: Sendable, Hashable {
        package var name: String
        /// Not told by a transaction.
        package var czxid: Zxid?

        package init(name: String, czxid: Zxid?) {
            self.name = name
            self.czxid = czxid
        }
    }

    package enum Action: Sendable, Hashable {
        case probe
        /// Create my node and list the directory, in one pipeline; with its ancestors in front if asked for. Or, in one
        /// transaction, delete a node of mine and create the new one.
        case enqueue(guid: String, createsParents: Bool, replacing: String? = nil)
        /// List the directory, after a sync if asked for, in one pipeline.
        case list(syncs: Bool)
        /// Read `blocker`, then `second`, then my own node, each with a watch, in one pipeline. The second may be left
        /// out, if the session cannot watch many more paths.
        case watch(blocker: String? = nil, second: String? = nil, own: String? = nil)
        /// List the directory, and read my own node with a watch, in one pipeline; the watch on the nearest stays.
        case relist(own: String)
        case grant(Grant)
        /// My node is gone although I hold it.
        case lose
        case delete(String)
        /// Take the actions behind this one after a pause: the number of failures in a row so far.
        case backOff(Int)
        /// Look whether my node is there, when the next heartbeat is due.
        case check(String)
        /// A create may have left a node behind, or may do so yet.
        case resolveCreate(guid: String)
        case fail(Reason)
    }

    package struct Grant: Sendable, Hashable {
        package var name: String
        package var czxid: Zxid
        /// Tells whether my own node is watched.
        package var isWatched: Bool

        package init(name: String, czxid: Zxid, isWatched: Bool) {
            self.name = name
            self.czxid = czxid
            self.isWatched = isWatched
        }
    }

    package enum Reason: Sendable, Hashable {
        case cancelled
        case timedOut(holder: String?)
        /// Another contender is in the way of an attempt.
        case busy(holder: String)
        case sequenceExhausted
        /// Another kind of lock is in use in the directory; one of its nodes.
        case mixedKinds(String)
        case sessionLost
        case sessionClosing
        /// Each time that the create was sent the connection was lost, and the node was not there afterwards.
        case createsLost
        /// A node of this client is in the queue and cannot be removed.
        case blocked(Failure)
        case refused(Failure)
    }
}
