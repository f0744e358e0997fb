// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// The calls that spare a `catch`, with one around them.
func settle(_ path: ZNodePath, _ client: ZooKeeperClient) async throws -> Int {
    var found = 0
    do {
        if let node = try await client.getIfExists(path) { found += node.data.count }
        if try await client.createIfMissing(path, data: [1]) == nil { found += 1 }
        let stat = try await client.update(path) { old in old.data.isEmpty ? nil : old.data + [2] }
        found += Int(stat.version)
        for (name, node) in try await client.childrenWithData(of: path) { found += name.count + node.data.count }
        if try await client.deleteIfExists(path) { found += 1 }
        found += try await client.deleteTree(path, upTo: 10)
    } catch ZooKeeperError.Code.notEmpty {
        found = -1
    }
    return found
}
