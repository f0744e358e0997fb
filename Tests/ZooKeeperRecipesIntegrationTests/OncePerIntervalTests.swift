// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// A job that runs once in a while, whoever asks for it.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct OncePerIntervalTests {
    @Test(arguments: ServerKind.allCases) func itRunsOnceAndThenNotForAWhile(_ kind: ServerKind) async throws {
        try await kind.withClients { clients in
            let locks = clients.map { ZooKeeperLock($0, at: "/job") }
            let run1 = try await locks[0].runOncePer(.seconds(3_600)) { _ in 1 }
            #expect(run1 == 1)
            let run2 = try await locks[0].runOncePer(.seconds(3_600)) { _ in 2 }
            #expect(run2 == nil)
            let run3 = try await locks[1].runOncePer(.seconds(3_600)) { _ in 3 }
            #expect(run3 == nil)
            // Another interval, by the same clock.
            try await eventually("a millisecond has passed") {
                try await locks[1].runOncePer(.milliseconds(1)) { _ in 4 } == 4
            }
        }
    }

    @Test func whileItRunsItDoesNotBegin() async throws {
        try await ServerKind.real.withClients { clients in
            let first = try await ZooKeeperLock(clients[0], at: "/job").runOncePer(.milliseconds(1)) { _ in
                let second = try await ZooKeeperLock(clients[1], at: "/job").runOncePer(.milliseconds(1)) { _ in 1 }
                #expect(second == nil)
                return 2
            }
            #expect(first == 2)
        }
    }

    @Test func aRunThatThrowsDoesNotCount() async throws {
        struct Failure: Error {}
        try await ServerKind.real.withClients { clients in
            let locks = clients.map { ZooKeeperLock($0, at: "/job") }
            await #expect(throws: Failure.self) {
                try await locks[0].runOncePer(.seconds(3_600)) { _ in throw Failure() }
            }
            let run4 = try await locks[1].runOncePer(.seconds(3_600)) { _ in 1 }
            #expect(run4 == 1)
            let marker = try await clients[0].get("/job/last-run-2147483647").data
            await #expect(throws: Failure.self) {
                try await locks[0].runOncePer(.zero + .nanoseconds(1)) { _ in throw Failure() }
            }
            #expect(try await clients[0].get("/job/last-run-2147483647").data == marker, "the one before counts again")
        }
    }

    @Test func aRunWhoseLockIsLostCounts() async throws {
        try await ServerKind.real.withClients { clients in
            let locks = clients.map { ZooKeeperLock($0, at: "/job") }
            await #expect(throws: LockError.self) {
                try await locks[0].runOncePer(.seconds(3_600)) { lease in
                    try await clients[1].delete(lease.nodePath)
                    _ = await Promise<Void>().wait()
                    // As a body does that is cancelled.
                    throw CancellationError()
                }
            }
            let run5 = try await locks[1].runOncePer(.seconds(3_600)) { _ in 1 }
            #expect(run5 == nil)
        }
    }

    /// To join takes READ, CREATE and DELETE; the marker is written besides.
    @Test func whoMayJoinMayRunIt() async throws {
        try await ServerKind.real.withClients(3) { clients in
            var users: [AccessControl.Identity] = []
            for (client, user) in zip(clients, ["alice", "bob"]) {
                try await client.authenticate(.digest(user: user, password: "sesame"))
                users.append(.digest(user: user, password: "sesame"))
            }
            var configuration = ZooKeeperLock.Configuration()
            configuration.accessControl = .all(for: users)
            configuration.directoryAccessControl = AccessControl(
                users.map { AccessControl.Entry([.read, .create, .delete], for: $0) })
            let locks = clients.map { ZooKeeperLock($0, at: "/job", configuration: configuration) }
            let first = try await locks[0].runOncePer(.milliseconds(1)) { _ in 1 }
            #expect(first == 1)
            try await eventually("a millisecond has passed") {
                try await locks[1].runOncePer(.milliseconds(1)) { _ in 2 } == 2
            }
            // Nobody else's business.
            await expectFailure(.noAuth) {
                try await clients[2].set("/job/last-run-2147483647", to: Array("1".utf8))
            }
        }
    }

    @Test func anIntervalOfNothingIsRefused() async throws {
        try await ServerKind.inMemory.withClients(1) { clients in
            _ = await expectFailure(.invalidArgument) {
                try await ZooKeeperLock(clients[0], at: "/job").runOncePer(.zero) { _ in }
            }
        }
    }

    /// A run of the future is one of a leader whose clock was wrong.
    @Test func aMarkerOfTheFarFutureKeepsNobodyOut() async throws {
        try await ServerKind.real.withClients(1) { clients in
            try await clients[0].createWithAncestors("/job/last-run-2147483647", data: Array("99999999999999".utf8))
            let run6 = try await ZooKeeperLock(clients[0], at: "/job").runOncePer(.seconds(60)) { _ in 1 }
            #expect(run6 == 1)
            try await clients[0].set("/job/last-run-2147483647", to: Array("no number".utf8))
            let run7 = try await ZooKeeperLock(clients[0], at: "/job").runOncePer(.seconds(60)) { _ in 2 }
            #expect(run7 == 2)
        }
    }
}
