// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Requests for revocation by another client, as by Curator's `Revoker`.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct RevocationTests {
    private func withLock(
        cancelsBodyOnRevocationRequest: Bool = false,
        _ body: (ZooKeeperClient, ZooKeeperLock, _ beside: ZooKeeperLock) async throws -> Void
    ) async throws {
        let server = try ZooKeeperServer.required
        try await server.withClient { client in
            try await server.withClient(in: client.configuration.chroot) { other in
                var settings = ZooKeeperLock.Configuration()
                settings.cancelsBodyOnRevocationRequest = cancelsBodyOnRevocationRequest
                try await body(
                    client, ZooKeeperLock(client, at: "/a", configuration: settings), ZooKeeperLock(other, at: "/a"))
            }
        }
    }

    @Test func theHolderIsToldAndDecides() async throws {
        try await withLock { _, lock, beside in
            let holder = Task {
                try await lock.withLock { lease in
                    #expect(!lease.isRevocationRequested)
                    let isAsked = await lease.revocationRequest()
                    #expect(lease.isRevocationRequested)
                    try lease.checkHeld()
                    return isAsked
                }
            }
            try await eventually("held") { try await beside.participants().count == 1 }
            let contender = try #require(try await beside.participants().first)
            #expect(try await beside.requestRevocation(of: contender))
            #expect(try await holder.value)
            #expect(try await !beside.requestRevocation(of: contender), "it is not in the queue any more")
        }
    }

    /// The data that Curator's `Revoker` writes, byte by byte, is a request; any other data in the node is not.
    @Test func onlyTheWordCounts() async throws {
        try await withLock { client, lock, beside in
            let held = try await lock.acquire()
            for data in ["", "__REVOKE_", "__REVOKE__ ", "revoke"] {
                try await client.set(held.lease.nodePath, to: data.utf8)
            }
            try await held.lease.verify()
            #expect(!held.lease.isRevocationRequested)
            try await client.set(held.lease.nodePath, to: "__REVOKE__".utf8)
            #expect(await held.lease.revocationRequest())
            try await held.release()
        }
    }

    @Test func aScopeMayYieldAndLosesNothingByIt() async throws {
        try await withLock(cancelsBodyOnRevocationRequest: true) { _, lock, beside in
            let holder = Task {
                try await lock.withLock { lease in
                    try? await Task.sleep(for: .seconds(3_600))
                    try lease.checkHeld()
                    return "gave way"
                }
            }
            try await eventually("held") { try await beside.participants().count == 1 }
            let next = Task { try await beside.withLock { _ in "had it" } }
            try await eventually("waits") { try await beside.participants().count == 2 }
            try await beside.requestRevocation(of: try #require(try await beside.participants().first))
            #expect(try await holder.value == "gave way")
            #expect(try await next.value == "had it")
        }
    }

    @Test func aRequestDuringTheWaitIsKnownToTheHolder() async throws {
        try await withLock { _, lock, beside in
            let first = try await beside.acquire()
            let waiter = Task { try await lock.withLock { await $0.revocationRequest() } }
            try await eventually("waits") { try await beside.participants().count == 2 }
            try await beside.requestRevocation(of: try await beside.participants()[1])
            try await first.release()
            #expect(try await waiter.value)
        }
    }

    @Test(arguments: [true, false]) func waitingForARequestEndsWithTheLock(_ isReleased: Bool) async throws {
        try await withLock { client, lock, _ in
            let held = try await lock.acquire()
            async let isAsked = held.lease.revocationRequest()
            if isReleased { try await held.release() } else { try await client.delete(held.lease.nodePath) }
            #expect(await !isAsked)
            try await held.release()
        }
    }

    @Test func readersAndWritersMayBeAskedToo() async throws {
        let server = try ZooKeeperServer.required
        try await server.withClient { client in
            let lock = ZooKeeperReadWriteLock(client, at: "/rw")
            let reader = try await lock.acquireReadLock()
            try await lock.requestRevocation(of: try await lock.participants()[0])
            #expect(await reader.lease.revocationRequest())
            try await reader.release()
        }
    }
}
