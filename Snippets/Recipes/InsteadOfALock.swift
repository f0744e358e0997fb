// SPDX-License-Identifier: Apache-2.0

// Where no lock is needed, in the documentation of ZooKeeperRecipes.

import ZooKeeper
import ZooKeeperRecipes

func versioned(_ client: ZooKeeperClient) async throws {
    // snippet.version
    // Sets the data if it has not been set since it was read; otherwise
    // reads and tries again.
    try await client.update("/config/limits") { old in
        let limit = Int(String(decoding: old.data, as: UTF8.self)) ?? 0
        return Array("\(limit + 1)".utf8)
    }
    // snippet.end
    // snippet.transaction
    let source = try await client.get("/stock/a")
    let target = try await client.get("/stock/b")
    // Both change, or neither if one has been changed since it was read.
    _ = try await client.transaction(
        SetData("/stock/a", to: "4".utf8, ifVersion: source.stat.version),
        SetData("/stock/b", to: "8".utf8, ifVersion: target.stat.version))
    // snippet.end
}

func unique(_ client: ZooKeeperClient) async throws {
    // snippet.unique
    // The first to create the node has the name, for ever.
    let node = try await client.createIfMissing(
        "/migrations/0042", data: "host-7".utf8)
    let isOurs = node != nil
    // snippet.end
    // snippet.ephemeral
    // The name is free again when the session ends.
    try await client.withSession { session in
        let worker: ZNodePath = "/workers/7"
        let node = try await session.createIfMissing(worker, mode: .ephemeral)
        if node == nil { return }  // Taken.
        // Work here. Cancelled when the session is lost.
    }
    // snippet.end
    print(isOurs)
}
