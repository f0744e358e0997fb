// SPDX-License-Identifier: Apache-2.0

package import ZooKeeper

extension ZooKeeperModel {
    /// A znode as the server stores it.
    package struct Node: Sendable, Hashable {
        package enum Lifetime: Sendable, Hashable {
            case persistent
            case ephemeral(SessionID)
            case container
            case timeToLive(milliseconds: Int64)
        }

        package var data: [UInt8] = []
        package var accessControl: [AccessControl.Entry] = AccessControl.open.entries
        package var lifetime = Lifetime.persistent
        package var czxid = Zxid(rawValue: 0)
        package var mzxid = Zxid(rawValue: 0)
        package var pzxid = Zxid(rawValue: 0)
        package var ctime: Int64 = 0
        package var mtime: Int64 = 0
        package var version: Int32 = 0
        package var aversion: Int32 = 0
        /// The number of children that were ever created, which is the number of the next sequential one. The
        /// `cversion` of a stat is computed from it.
        package var creations: Int32 = 0
        package var children: Set<String> = []

        package var stat: ZNodeStat {
            let count = Int32(truncatingIfNeeded: children.count)
            var owner = SessionID(rawValue: 0)
            if case .ephemeral(let session) = lifetime { owner = session }
            return ZNodeStat(
                czxid: czxid, mzxid: mzxid, pzxid: pzxid, ctime: ctime, mtime: mtime, version: version,
                // Every child that has been deleted has changed the list twice.
                cversion: creations &* 2 &- count,
                aversion: aversion, ephemeralOwner: owner,
                dataLength: Int32(truncatingIfNeeded: data.count), numChildren: count)
        }

        var isEphemeral: Bool {
            if case .ephemeral = lifetime { return true }
            return false
        }

        /// Indicates whether the server may remove the node without a request, now or when its time to live is over.
        var isReapable: Bool {
            guard children.isEmpty else { return false }
            switch lifetime {
            // A container that has never had a child may be about to get its first.
            case .container: return creations > 0
            case .timeToLive: return true
            case .persistent, .ephemeral: return false
            }
        }
    }
}
