// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// The events that end a lock, by its policy. The session lives for long, and its leases end soon: so each is seen by
/// itself.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct LossPolicyTests {
    private func withLock(
        _ policy: LossPolicy, leaseMargin: Duration? = nil,
        _ body: (ZooKeeperRelay, ZooKeeperClient, ZooKeeperLock) async throws -> Void
    ) async throws {
        try await ZooKeeperServer.required.withRelayedClient(sessionTimeout: .seconds(40)) {
            $0.leaseMargin = leaseMargin
        } _: { client, relay in
            var settings = ZooKeeperLock.Configuration()
            settings.lossPolicy = policy
            try await body(relay, client, ZooKeeperLock(client, at: "/a", configuration: settings))
        }
    }

    private static let short = Duration.seconds(38)

    @Test func onSuspensionTheLossOfTheConnectionEndsIt() async throws {
        try await withLock(.onSuspension) { relay, client, lock in
            await #expect {
                try await lock.withLock { _ in
                    relay.cut()
                    try await Task.sleep(for: .seconds(3_600))
                }
            } throws: { ($0 as? LockError)?.loss == .connectionLost }
            // The session goes on, and with it the client: the node is removed, and the lock is free.
            try await lock.withLock { _ in }
        }
    }

    @Test func onDeadlineAConnectionThatComesBackInTimeChangesNothing() async throws {
        try await withLock(.onDeadline) { relay, client, lock in
            let token = try await lock.withLock { lease in
                relay.cut()
                try await eventually("connected again") { lease.session.connection == 2 }
                try lease.checkHeld()
                try await lease.verify()
                return lease.fencingToken
            }
            #expect(token.czxid.rawValue > 0)
        }
    }

    @Test func onDeadlineSilenceEndsIt() async throws {
        try await withLock(.onDeadline, leaseMargin: Self.short) { relay, client, lock in
            await #expect {
                try await lock.withLock { _ in
                    try await relay.whileRefusing { try await Task.sleep(for: .seconds(3_600)) }
                }
            } throws: { ($0 as? LockError)?.loss == .deadlinePassed }
        }
    }

    /// The lease is unconfirmed without a connection, and confirmed again when the session is back and the node is
    /// there.
    @Test func onExpiryALockGoesOnWithItsSession() async throws {
        try await withLock(.onExpiry, leaseMargin: Self.short) { relay, client, lock in
            try await lock.withLock { lease in
                try await relay.whileRefusing {
                    try await eventually("in doubt") { (try? lease.checkHeld()) == nil }
                    #expect { try lease.checkHeld() } throws: { LockError.Code.unconfirmed ~= $0 }
                    #expect(lease.remaining == .zero)
                    #expect(!Task.isCancelled)
                }
                try await eventually("confirmed") { (try? lease.checkHeld()) != nil }
                try await lease.verify()
            }
        }
    }

    /// The doubt is noticed by the clock, also if the body never checks the lease.
    @Test func onExpiryTheDoubtIsNoticedByItself() async throws {
        try await withLock(.onExpiry, leaseMargin: Self.short) { relay, client, lock in
            let held = try await lock.acquire()
            try await relay.whileRefusing {
                try await eventually("past the deadline") { ContinuousClock.now >= held.lease.expiresBy }
            }
            try await eventually("confirmed") { (try? held.lease.checkHeld()) != nil }
            #expect(try await held.release() == nil)
        }
    }

    @Test func onExpiryANodeThatIsGoneIsALoss() async throws {
        try await withLock(.onExpiry, leaseMargin: Self.short) { relay, client, lock in
            let held = try await lock.acquire()
            try await relay.whileRefusing {
                try await eventually("in doubt") { (try? held.lease.checkHeld()) == nil }
                let server = try ZooKeeperServer.required
                try await server.withClient(in: client.configuration.chroot) {
                    try await $0.delete(held.lease.nodePath)
                }
            }
            #expect(await held.loss() == .nodeDeleted)
        }
    }

    @Test func onExpiryTheEndOfTheSessionIsALoss() async throws {
        try await withLock(.onExpiry) { relay, client, lock in
            let held = try await lock.acquire()
            try await ZooKeeperServer.required.expire(held.lease.session)
            let loss = try #require(await held.loss())
            #expect(loss.isOfExpiry)
        }
    }

    /// A release in the background returns the body's result before the answer to the delete.
    @Test(arguments: [LockRelease.acknowledged, .background])
    func whatReleasingWaitsFor(_ release: LockRelease) async throws {
        try await withLock(.onDeadline) { relay, client, _ in
            var settings = ZooKeeperLock.Configuration()
            settings.release = release
            let lock = ZooKeeperLock(client, at: "/a", configuration: settings)
            try await lock.withLock { _ in }
            // In the background it may not have been sent yet.
            try await eventually("removed") { relay.traffic.requests[.delete] == 1 }
            let hasReturned = Promise<Void>()
            let task = Task {
                try await lock.withLock { _ in relay.freezeReplies() }
                hasReturned.fulfil(())
            }
            try await eventually("the removal is sent") { relay.traffic.requests[.delete] == 2 }
            if release == .background {
                try await task.value
                #expect(relay.traffic.requests[.delete] == 2)
            } else {
                let wait = await hasReturned.wait(until: .now + .milliseconds(300))
                if case .timedOut = wait {} else { Issue.record("it did not wait for the answer") }
            }
            relay.thaw()
            try await task.value
            try await eventually("removed") { try await client.children(of: "/a").names.isEmpty }
        }
    }
}
