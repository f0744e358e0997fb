// SPDX-License-Identifier: Apache-2.0

/// A violation of an invariant.
package struct Violation: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: String, Sendable, Hashable {
        /// Two conflicting contenders hold at the same time, their sessions live and their nodes are there.
        case twoHolders = "two holders"
        /// Granted although its node never was first in the queue.
        case outOfTurn = "granted out of turn"
        /// Granted while the session may be over.
        case late = "granted past the deadline"
        /// Granted with another node's transaction as its token.
        case wrongToken = "granted with a wrong token"
        /// Held by a node that it believes to be gone, or the other way round.
        case loseUnasked = "loses a lock whose node is there"
        /// No step is possible any more, and a contender waits.
        case stuck = "waits for ever"
        /// No good end can be reached from this state.
        case noProgress = "can never end"
        case orphan = "a node is left behind"
        /// All callers are done, and one has not been granted although nothing was in the way.
        case neverGranted = "never granted"
        case refused = "failed for no reason"
        /// Granted while a body still runs whose session was closed by its owner.
        case underBody = "granted under a running body"
        /// Granted in a session that its owner is closing.
        case retiring = "granted in a session that is being closed"
        /// A node that cannot be removed is taken for removed.
        case unreported = "did not tell that a node stays"
        /// A contender waits behind a node of its own client that cannot be removed.
        case behindItself = "waits behind its own leftover"
        /// Requests go round in circles, as fast as they can.
        case spins = "goes in circles without waiting"
        /// Holds on although its node has been gone for good.
        case unnoticed = "did not notice that its watched node is gone"
    }

    package var kind: Kind
    package var detail: String

    init(_ kind: Kind, _ detail: String) {
        self.kind = kind
        self.detail = detail
    }

    package var description: String { "\(kind.rawValue): \(detail)" }
}
