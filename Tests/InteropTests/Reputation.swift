/// What peers are known to do wrong, among their own as well. It is counted and shown; it is not for us to repair.
enum Reputation {
    /// - Parameter isVictim: Whether the fault is done to this peer.
    static func isKnown(_ peer: Peer, for kind: String, _ fault: Fault, isVictim: Bool) -> Bool {
        switch (peer, fault) {
        case (.ours, _): false
        // A process that stood still for longer than its session lived does not know, and is not told in time. What it does
        // then is its own affair: Curator's latch may lead without a node for a moment, its selector may have left the line
        // for good, the lock of go-zookeeper stays stuck.
        case (_, .holderFrozen), (_, .waiterFrozen): isVictim
        // A wait ends with the connection; the node stays in line.
        case (.go, .serverRestarted): kind.hasPrefix("acquire: failed")
        // It takes an empty place in front of it for its turn, although its own place is gone.
        case (.go, .waiterEvicted): isVictim && kind == "granted without a node"
        default: false
        }
    }
}
