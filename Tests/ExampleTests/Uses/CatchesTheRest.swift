// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// One code, then everything else: nothing is thrown.
func state(of path: ZNodePath, _ client: ZooKeeperClient) async -> String {
    var state = "there"
    do {
        _ = try await client.get(path)
    } catch ZooKeeperError.Code.noNode {
        state = "not there"
    } catch {
        state = "unknown: \(error)"
    }
    return state
}
