// SPDX-License-Identifier: Apache-2.0

/// Known issues of the peers, which they also have by themselves. They are counted and shown instead of failing a test.
enum KnownIssues {
    /// - Parameter isVictim: `true` if the fault hits this peer.
    static func contains(_ peer: Peer, for kind: String, _ fault: Fault, isVictim: Bool) -> Bool {
        switch (peer, fault) {
        case (.ours, _): false
        // A process that stood still for longer than its session lived does not know, and is not told in time. What it
        // does then is up to its library: Curator's latch may lead without a node for a moment, its selector may have
        // left the queue for good, the lock of go-zookeeper stays stuck.
        case (_, .holderFrozen), (_, .waiterFrozen): isVictim
        // A wait ends with the connection; the node stays in the queue.
        case (.go, .serverRestarted): kind.hasPrefix("acquire: failed")
        // It takes the lock as soon as no node is in front of its own, although its own node is gone.
        case (.go, .waiterEvicted): isVictim && kind == "granted without a node"
        default: false
        }
    }
}
