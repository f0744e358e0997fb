// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

extension InteropTests {
    /// Requests to release a lock, between Curator's `Revoker` and `makeRevocable` and ours.
    @Suite(.needs(.curator)) struct RevocationTests {
        enum Kind: CaseIterable, Sendable {
            case lock
            case readLock
            case writeLock

            func acquire(_ client: ZooKeeperClient, at path: ZNodePath) async throws -> HeldLock {
                switch self {
                case .lock: try await ZooKeeperLock(client, at: path).acquire()
                case .readLock: try await ZooKeeperReadWriteLock(client, at: path).acquireReadLock()
                case .writeLock: try await ZooKeeperReadWriteLock(client, at: path).acquireWriteLock()
                }
            }
        }

        @Test(arguments: Kind.allCases) func oursHearsCurators(_ kind: Kind) async throws {
            let environment = try InteropEnvironment.required
            let path = try await environment.server.makeDirectory()
            try await environment.withProcess(.curator) { curator in
                let revoker = try await curator.contender("lock", at: path)
                let held = try await kind.acquire(environment.observer, at: path)
                #expect(!held.lease.isRevocationRequested)
                try await revoker.do("revoke \(held.lease.nodePath)", expecting: "revoked")
                #expect(await held.lease.revocationRequest())
                // It decides itself.
                try held.lease.checkHeld()
                try await held.release()
            }
        }

        @Test func oursIsCancelledWhereItWantsToBe() async throws {
            let environment = try InteropEnvironment.required
            let path = try await environment.server.makeDirectory()
            var configuration = ZooKeeperLock.Configuration()
            configuration.cancelsBodyOnRevocationRequest = true
            let lock = ZooKeeperLock(environment.observer, at: path, configuration: configuration)
            try await environment.withProcess(.curator) { curator in
                let revoker = try await curator.contender("lock", at: path)
                let isCancelled = try await lock.withLock { lease in
                    try await revoker.do("revoke \(lease.nodePath)", expecting: "revoked")
                    await Promise<Void>().wait()
                    return Task.isCancelled
                }
                #expect(isCancelled)
            }
        }

        @Test func curatorsHearsOurs() async throws {
            let environment = try InteropEnvironment.required
            let path = try await environment.server.makeDirectory()
            let lock = ZooKeeperLock(environment.observer, at: path)
            try await environment.withProcess(.curator) { curator in
                let holder = try await curator.contender("revocable", at: path)
                try await holder.do("acquire", expecting: "acquired")
                let participant = try #require(try await lock.participants().first)
                #expect(try await lock.requestRevocation(of: participant))
                try await eventually("it is told") { curator.hasHeardOfRevocation(holder.name) }
                try await holder.do("work", expecting: "working")
                try await holder.do("release", expecting: "released")
                #expect(try await !lock.requestRevocation(of: participant), "it has left")
            }
        }
    }
}
