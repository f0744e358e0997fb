// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// An error of the type, if it says something more.
func createOnce(_ path: ZNodePath, _ client: ZooKeeperClient) async throws -> Bool {
    var isCreated = false
    do {
        try await client.create(path)
        isCreated = true
    } catch let error as ZooKeeperError where error.execution == .unknown {
        isCreated = try await client.exists(path) != nil
    }
    return isCreated
}
