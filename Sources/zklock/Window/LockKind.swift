// SPDX-License-Identifier: Apache-2.0

import ZooKeeperRecipes

/// A kind of lock: the participants of one kind exclude each other, and those of two kinds do not.
package enum LockKind: Sendable, Hashable {
    /// Curator's `InterProcessMutex` and `LeaderSelector`, and go-zookeeper's `Lock`.
    case curatorMutex
    /// Curator's `InterProcessReadWriteLock`.
    case curatorReadWrite
    /// Curator's `LeaderLatch`.
    case curatorLatch
    /// kazoo's `Lock`, `Election`, `ReadLock` and `WriteLock`.
    case kazoo
    /// A naming scheme of a user's own, by the text in front of the digits.
    case custom(String)

    /// The kinds that names tell of by themselves.
    static let known: [LockKind] = [.curatorMutex, .curatorLatch, .curatorReadWrite, .kazoo]

    /// The naming scheme; for a custom one that of its marker.
    var dialect: LineDialect {
        switch self {
        case .curatorMutex: .curator
        case .curatorReadWrite: .curatorReadWrite
        case .curatorLatch: .curatorLatch
        case .kazoo: .kazoo
        case .custom(let marker):
            LineDialect(head: "", markers: [.init(.exclusive, written: marker, read: marker)])
        }
    }

    /// The name of the kind, for people.
    package var title: String {
        switch self {
        case .curatorMutex: "Curator mutex"
        case .curatorReadWrite: "Curator read/write lock"
        case .curatorLatch: "Curator leader latch"
        case .kazoo: "kazoo lock"
        case .custom(let marker): "custom lock \"\(marker)\""
        }
    }

    /// The name of the kind, for programs.
    package var key: String {
        switch self {
        case .curatorMutex: "curator-mutex"
        case .curatorReadWrite: "curator-read-write"
        case .curatorLatch: "curator-latch"
        case .kazoo: "kazoo"
        case .custom: "custom"
        }
    }
}

/// The library by whose naming scheme a node is named. This package's own locks use those of others.
package enum Library: String, Sendable, Hashable {
    case curator = "Curator"
    case goZooKeeper = "go-zookeeper"
    case kazoo = "kazoo"
    case custom = "custom"
}
