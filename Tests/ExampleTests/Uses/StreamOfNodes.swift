// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// A stream that cannot go on.
func watch(_ path: ZNodePath, _ client: ZooKeeperClient) async throws -> Int {
    var changes = 0
    do {
        for try await node in client.updates(of: path) where node != nil { changes += 1 }
    } catch ZooKeeperError.Code.noAuth {
        changes = -1
    }
    return changes
}
