// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// Reads, changes and writes until nobody has come between.
func increment(_ path: ZNodePath, _ client: ZooKeeperClient) async throws -> Int {
    while true {
        let node = try await client.get(path)
        let count = (Int(String(decoding: node.data, as: UTF8.self)) ?? 0) + 1
        do {
            try await client.set(path, to: "\(count)".utf8, ifVersion: node.stat.version)
            return count
        } catch ZooKeeperError.Code.badVersion {
            continue
        }
    }
}
