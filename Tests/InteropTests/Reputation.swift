/// What peers are known to do wrong, among their own as well. It is counted and shown; it is not for us to repair.
enum Reputation {
    static func isKnown(_ peer: Peer, for kind: String, _ fault: Fault) -> Bool {
        switch (peer, fault) {
        // A process that stood still for longer than its session lived does not know, and is not told in time.
        case (.curator, .holderFrozen), (.kazoo, .holderFrozen), (.go, .holderFrozen):
            kind == "worked on after its loss"
                // And its lock stays stuck: the node that `Unlock` wants to delete is gone.
                || peer == .go && kind.hasSuffix("acquire a lock twice")
        // A wait ends with the connection; the node stays in line.
        case (.go, .serverRestarted), (.go, .waiterFrozen): kind.hasPrefix("acquire: failed")
        // It takes an empty place in front of it for its turn, although its own place is gone.
        case (.go, .waiterEvicted): kind == "granted without a node"
        default: false
        }
    }
}
