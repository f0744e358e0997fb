// SPDX-License-Identifier: Apache-2.0

// Naming schemes of other libraries, in the documentation of ZooKeeperRecipes.

import ZooKeeper
import ZooKeeperRecipes

func dialects(_ client: ZooKeeperClient) async throws {
    // snippet.curator
    // Curator's InterProcessMutex, and go-zookeeper's Lock: the default.
    let mutex = ZooKeeperLock(client, at: "/locks/report")
    // Curator's InterProcessReadWriteLock: the default.
    let catalogue = ZooKeeperReadWriteLock(client, at: "/locks/catalogue")
    // Curator's LeaderLatch: the default.
    let latch = ZooKeeperElection(client, at: "/elections/scheduler")
    // Curator's LeaderSelector.
    let selector = ZooKeeperElection(
        client, at: "/elections/importer",
        configuration: .init(dialect: .curatorSelector))
    // snippet.end
    // snippet.kazoo
    // kazoo's Lock.
    let lock = ZooKeeperLock(
        client, at: "/locks/import", configuration: .init(dialect: .kazoo))
    // kazoo's ReadLock and WriteLock.
    let shared = ZooKeeperReadWriteLock(
        client, at: "/locks/index", configuration: .init(dialect: .kazoo))
    // kazoo's Election.
    let election = ZooKeeperElection(
        client, at: "/elections/index", configuration: .init(dialect: .kazoo))
    // snippet.end
    // snippet.moving
    // Waits for both kinds, and joins although the other one is there.
    var configuration = ZooKeeperLock.Configuration(
        dialect: .curator.alsoRecognising(.kazoo))
    configuration.mixedKinds = .ignore
    let moving = ZooKeeperLock(
        client, at: "/locks/moving", configuration: configuration)
    // snippet.end
    print(mutex, catalogue, latch, selector, lock, shared, election, moving)
}
