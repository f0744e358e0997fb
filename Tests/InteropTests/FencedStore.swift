// SPDX-License-Identifier: Apache-2.0

import TestSupport
import ZooKeeper

/// A resource behind a lock that refuses late writers: it remembers the highest token it has seen.
///
/// The token of a peer is the transaction that created its node, which is what our own is made of.
final class FencedStore: Sendable {
    private let highest = Shared<Zxid?>(nil)

    /// - Returns: `true` if the write is accepted.
    func write(_ token: Zxid) -> Bool {
        highest.withLock { highest in
            if let highest, token < highest { return false }
            highest = token
            return true
        }
    }
}
