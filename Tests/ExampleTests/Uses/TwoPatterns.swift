// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// One `catch` with two patterns.
func isReachable(_ client: ZooKeeperClient) async throws -> Bool {
    var isReachable = true
    do { try await client.sync() } catch ZooKeeperError.Code.connectionLoss, ZooKeeperError.Code.connectTimeout {
        isReachable = false
    }
    return isReachable
}
