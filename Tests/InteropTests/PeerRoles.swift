// SPDX-License-Identifier: Apache-2.0

/// The library that holds, and the library that waits.
struct PeerRoles: Sendable, CustomStringConvertible {
    var holder: Peer
    var waiter: Peer

    /// Returns both orders, and the peer alone.
    static func all(_ peer: Peer) -> [PeerRoles] {
        [
            PeerRoles(holder: .ours, waiter: peer), PeerRoles(holder: peer, waiter: .ours),
            PeerRoles(holder: peer, waiter: peer),
        ]
    }

    /// The library that is not this one.
    var peer: Peer { holder == .ours ? waiter : holder }
    var isAlone: Bool { holder == waiter }

    var description: String { "\(holder.rawValue) holds, \(waiter.rawValue) waits" }
}

/// A recipe, and the role of each of its two contenders.
struct RecipeRoles: Sendable {
    /// The name of the recipe in the matrix.
    var recipe: String
    var holder: String
    var waiter: String

    var isExclusive: Bool { !(holder + waiter).contains("read") }

    init(_ recipe: String, _ holder: String, _ waiter: String? = nil) {
        self.recipe = recipe
        self.holder = holder
        self.waiter = waiter ?? holder
    }

    /// Returns the recipes that `peer` and this library have in common.
    static func all(_ peer: Peer) -> [RecipeRoles] {
        switch peer {
        case .ours: []
        case .curator:
            [
                RecipeRoles("lock", "lock"), RecipeRoles("read/write lock", "write"),
                RecipeRoles("read/write lock", "read", "write"),
                RecipeRoles("read/write lock", "write", "read"), RecipeRoles("LeaderLatch", "latch"),
                RecipeRoles("LeaderSelector", "selector"),
            ]
        case .kazoo:
            [
                RecipeRoles("lock", "kazoo-lock"), RecipeRoles("read/write lock", "kazoo-write"),
                RecipeRoles("read/write lock", "kazoo-read", "kazoo-write"),
                RecipeRoles("read/write lock", "kazoo-write", "kazoo-read"), RecipeRoles("Election", "election"),
            ]
        case .go: [RecipeRoles("lock", "lock")]
        }
    }

    /// Returns the recipes for contention, where all contenders do the same: readers beside writers, if there are
    /// readers.
    static func mixed(_ peer: Peer) -> [RecipeRoles] {
        all(peer).filter { $0.holder == $0.waiter ? !$0.holder.contains("write") : $0.waiter.contains("write") }
    }
}
