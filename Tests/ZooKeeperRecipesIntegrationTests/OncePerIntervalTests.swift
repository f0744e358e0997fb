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
            _ = try await ZooKeeperLock(clients[0], at: "/job").runOncePer(.milliseconds(1)) { _ in
                let second = try await ZooKeeperLock(clients[1], at: "/job").runOncePer(.milliseconds(1)) { _ in 1 }
                #expect(second == nil)
            }
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
            let marker = try await clients[0].get("/job/last-run").data
            await #expect(throws: Failure.self) {
                try await locks[0].runOncePer(.zero + .nanoseconds(1)) { _ in throw Failure() }
            }
            #expect(try await clients[0].get("/job/last-run").data == marker, "the one before counts again")
        }
    }

    @Test func aRunWhoseLockIsLostCounts() async throws {
        try await ServerKind.real.withClients { clients in
            let locks = clients.map { ZooKeeperLock($0, at: "/job") }
            await #expect(throws: LockError.self) {
                try await locks[0].runOncePer(.seconds(3_600)) { lease in
                    try await clients[1].delete(lease.nodePath)
                    _ = await Promise<Void>().wait()
                }
            }
            let run5 = try await locks[1].runOncePer(.seconds(3_600)) { _ in 1 }
            #expect(run5 == nil)
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
            try await clients[0].createWithAncestors("/job/last-run", data: Array("99999999999999".utf8))
            let run6 = try await ZooKeeperLock(clients[0], at: "/job").runOncePer(.seconds(60)) { _ in 1 }
            #expect(run6 == 1)
            try await clients[0].set("/job/last-run", to: Array("no number".utf8))
            let run7 = try await ZooKeeperLock(clients[0], at: "/job").runOncePer(.seconds(60)) { _ in 2 }
            #expect(run7 == 2)
        }
    }
}
