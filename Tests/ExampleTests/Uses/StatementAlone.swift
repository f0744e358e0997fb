// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// A node that may be gone already.
func remove(_ path: ZNodePath, _ client: ZooKeeperClient) async throws {
    do {
        try await client.delete(path)
    } catch ZooKeeperError.Code.noNode {
        // Somebody was faster.
    }
}
