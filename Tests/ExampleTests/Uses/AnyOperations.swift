// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// A client or a session, by what they have in common.
func accessControl(
    of path: ZNodePath, _ zooKeeper: some ZooKeeperOperations, or other: any ZooKeeperOperations
) async throws -> AccessControl? {
    var found: AccessControl?
    do {
        found = try await zooKeeper.accessControl(of: path).accessControl
        try await other.setAccessControl(of: path, to: found ?? .open)
        _ = try await other.perform(GetData(path))
    } catch ZooKeeperError.Code.noNode {
        found = nil
    }
    return found
}
