// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// Two codes, each with an answer of its own; everything else goes on to the caller.
func describe(_ path: ZNodePath, _ client: ZooKeeperClient) async throws -> String {
    do {
        return "\(try await client.get(path).data.count) bytes"
    } catch ZooKeeperError.Code.noNode {
        return "not there"
    } catch ZooKeeperError.Code.noAuth {
        return "not for us"
    }
}
