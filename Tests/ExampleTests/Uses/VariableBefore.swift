// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// A variable from before the `do`, set in it and in its `catch`.
func size(of path: ZNodePath, _ client: ZooKeeperClient) async throws -> Int {
    var size = 0
    do { size = try await client.get(path).data.count } catch ZooKeeperError.Code.noNode { size = -1 }
    return size
}
