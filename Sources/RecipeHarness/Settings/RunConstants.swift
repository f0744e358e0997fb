// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// The nodes and time-outs that all processes of a run agree on.
enum RunConstants {
    static let sessionTimeout = Duration.seconds(4)
    /// The time without a grant, after the end of all faults, that counts as a stall.
    static let stallLimit = Duration.seconds(20)
    /// The directory of the queue.
    static let queue: ZNodePath = "/harness/queue"
    /// The node that holders stamp.
    static let history: ZNodePath = "/harness-history"
    /// The fenced store.
    static let store: ZNodePath = "/harness-store"
    /// The node that floods write to.
    static let flood: ZNodePath = "/harness-flood"
}
