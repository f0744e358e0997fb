// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// A `do` in a `do`, each with codes of its own.
func move(_ old: ZNodePath, to new: ZNodePath, _ client: ZooKeeperClient) async throws -> Bool {
    var moved = false
    do {
        let node = try await client.get(old)
        do {
            try await client.create(new, data: node.data)
        } catch ZooKeeperError.Code.nodeExists {
            try await client.set(new, to: node.data)
        }
        try await client.delete(old, ifVersion: node.stat.version)
        moved = true
    } catch ZooKeeperError.Code.noNode {
        moved = false
    }
    return moved
}
