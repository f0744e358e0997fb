/// Who holds, and who waits.
struct Pairing: Sendable, CustomStringConvertible {
    var holder: Peer
    var waiter: Peer

    /// Both orders, and the peer among its own.
    static func all(_ peer: Peer) -> [Pairing] {
        [
            Pairing(holder: .ours, waiter: peer), Pairing(holder: peer, waiter: .ours),
            Pairing(holder: peer, waiter: peer),
        ]
    }

    /// The one of the two that is not ours, or both.
    var peer: Peer { holder == .ours ? waiter : holder }
    var isAlone: Bool { holder == waiter }

    var description: String { "\(holder.rawValue) holds, \(waiter.rawValue) waits" }
}

/// A recipe and what its two contenders want of it.
struct Slot: Sendable {
    /// What it is called in the matrix.
    var recipe: String
    var holder: String
    var waiter: String

    var isExclusive: Bool { !(holder + waiter).contains("read") }

    init(_ recipe: String, _ holder: String, _ waiter: String? = nil) {
        self.recipe = recipe
        self.holder = holder
        self.waiter = waiter ?? holder
    }

    /// What `peer` and we have in common.
    static func all(_ peer: Peer) -> [Slot] {
        switch peer {
        case .ours: []
        case .curator:
            [
                Slot("lock", "lock"), Slot("read/write lock", "write"), Slot("read/write lock", "read", "write"),
                Slot("read/write lock", "write", "read"), Slot("LeaderLatch", "latch"),
                Slot("LeaderSelector", "selector"),
            ]
        case .kazoo:
            [
                Slot("lock", "kazoo-lock"), Slot("read/write lock", "kazoo-write"),
                Slot("read/write lock", "kazoo-read", "kazoo-write"),
                Slot("read/write lock", "kazoo-write", "kazoo-read"), Slot("Election", "election"),
            ]
        case .go: [Slot("lock", "lock")]
        }
    }

    /// The same, for a run in which everybody does the same: readers beside writers, where there are readers.
    static func mixed(_ peer: Peer) -> [Slot] {
        all(peer).filter { $0.holder == $0.waiter ? !$0.holder.contains("write") : $0.waiter.contains("write") }
    }
}
