// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// A loop that counts its attempts.
func create(_ path: ZNodePath, _ client: ZooKeeperClient) async throws -> Int {
    var attempts = 0
    repeat {
        attempts += 1
        do {
            try await client.create(path, data: "me".utf8, mode: .ephemeral)
            return attempts
        } catch ZooKeeperError.Code.nodeExists where attempts < 5 {
            try await Task.sleep(for: .seconds(1))
        }
    } while true
}
