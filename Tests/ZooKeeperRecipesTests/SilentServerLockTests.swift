// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes

/// Locks on servers that accept connections and then answer nothing: every wait ends at its limit.
@Suite(.timeLimit(.minutes(3))) struct SilentServerLockTests {
    @Test(arguments: [[], [Credential.digest(user: "a", password: "b")]])
    func anAttemptEnds(_ credentials: [Credential]) async throws {
        try await SilentTransport.withClient(credentials: credentials) { client, _ in
            let lock = ZooKeeperLock(client, at: "/l")
            await #expect { _ = try await lock.withLockIfAvailable { _ in } } throws: {
                LockError.Code.unavailable ~= $0 && ZooKeeperError.Code.connectionLoss ~= $0
            }
        }
    }

    @Test func aWaiterWithALimitEndsAtIt() async throws {
        try await SilentTransport.withClient { client, _ in
            let start = ContinuousClock.now
            await #expect {
                try await ZooKeeperLock(client, at: "/l").withLock(waitingUpTo: .milliseconds(1_200)) { _ in }
            } throws: { LockError.Code.timedOut ~= $0 }
            #expect(start.duration(to: .now) >= .milliseconds(1_200))
        }
    }
}
