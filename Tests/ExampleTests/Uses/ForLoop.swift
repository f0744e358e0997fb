// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// Each child that is still there when it is read.
func sizes(below path: ZNodePath, _ client: ZooKeeperClient) async throws -> [String: Int] {
    var sizes: [String: Int] = [:]
    for name in try await client.children(of: path).names {
        do { sizes[name] = try await client.get(path.appending(name)).data.count } catch ZooKeeperError.Code.noNode {
            continue
        }
    }
    return sizes
}
