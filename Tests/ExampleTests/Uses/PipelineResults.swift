// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// Takes the results of a pipeline apart, one of which may be missing.
func sizeBehindASync(_ client: ZooKeeperClient, _ path: ZNodePath) async throws -> Int {
    var size = 0
    let (synced, node) = await client.pipeline(Sync(path), GetData(path))
    try synced.get()
    do {
        size = try node.get().data.count
    } catch ZooKeeperError.Code.noNode {
        size = -1
    }
    return size
}
