// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

/// Settings of servers and rights, with a `catch` around the calls that change them.
func configure(_ client: ZooKeeperClient, _ names: [String]) async throws -> ZooKeeperLock? {
    var configuration = ZooKeeperLock.Configuration()
    configuration.accessControl = .all(for: [.digest(user: "alice", password: "wonderland")], anyoneReads: true)
    configuration.directoryAccessControl = .creatorAllAnyoneReads
    configuration.mixedKinds = .ignore
    do {
        try client.update(servers: names.map { try ServerAddress(host: $0) })
        let node = try await client.createProtected("/queue/n-")
        print(node.path, client.servers)
    } catch ZooKeeperError.Code.invalidConfiguration, ZooKeeperError.Code.noAuth {
        return nil
    }
    return ZooKeeperLock(client, at: "/lock", configuration: configuration)
}
