// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// Several tasks, each with a `catch`.
func existing(_ paths: [ZNodePath], _ client: ZooKeeperClient) async throws -> Int {
    let watching = Task {
        var isLost = false
        do { try await client.sync() } catch ZooKeeperError.Code.sessionLost { isLost = true }
        return isLost
    }
    let count = try await withThrowingTaskGroup(of: Bool.self) { group in
        for path in paths {
            group.addTask {
                var exists = true
                do { _ = try await client.get(path) } catch ZooKeeperError.Code.noNode { exists = false }
                return exists
            }
        }
        var count = 0
        for try await exists in group where exists { count += 1 }
        return count
    }
    return try await watching.value ? 0 : count
}
