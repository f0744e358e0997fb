// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

/// A limit for a call, another root, and pipelines and transactions through both.
func read(_ paths: [ZNodePath], _ client: ZooKeeperClient) async throws -> [ZNode?] {
    var nodes: [ZNode?] = []
    let view = client.rooted(at: "/billing").within(.seconds(1))
    do {
        for result in await view.pipeline(paths.map { GetData($0) }) { nodes.append(try result.get()) }
        let (first, second) = await view.pipeline(Exists("/a"), GetChildren("/b"))
        if try first.get() == nil { nodes.append(nil) }
        _ = try second.get()
        let (job, _) = try await view.transaction(Create("/n-", mode: .persistentSequential), Delete("/a"))
        nodes.append(try await view.get(job.path))
        try await ZooKeeperLock(client.rooted(at: "/billing"), at: "/lock").withLock { _ in }
    } catch ZooKeeperError.Code.timedOut {
        nodes.append(nil)
    }
    return nodes
}
