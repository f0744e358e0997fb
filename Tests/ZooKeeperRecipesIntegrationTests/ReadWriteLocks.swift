// SPDX-License-Identifier: Apache-2.0

import TestSupport
import ZooKeeper
import ZooKeeperRecipes

/// Runs `body` with read-write locks at `/rw`, each of a client of its own, and another client beside them.
func withReadWriteLocks(
    _ count: Int, _ dialect: ReadWriteLockDialect = .curator, on server: ServerKind = .real,
    _ body: ([ZooKeeperReadWriteLock], _ beside: ZooKeeperClient) async throws -> Void
) async throws {
    var settings = ZooKeeperReadWriteLock.Configuration()
    settings.dialect = dialect
    try await server.withClients(count + 1) { clients in
        let locks = clients.dropLast().map { ZooKeeperReadWriteLock($0, at: "/rw", configuration: settings) }
        try await body(locks, clients[count])
    }
}
