// SPDX-License-Identifier: Apache-2.0

#if ServiceLifecycle
import InMemoryLogging
import Logging
import ServiceLifecycle
import ServiceLifecycleTestKit
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct LeaderServiceTests {
    private func configuration() async throws -> ZooKeeperConfiguration {
        let server = try ZooKeeperServer.required
        var configuration = try server.configuration
        configuration.chroot = try await server.makeDirectory()
        configuration.sessionTimeout = .seconds(30)
        return configuration
    }

    @Test func aGracefulShutdownResignsBeforeItReturns() async throws {
        let configuration = try await configuration()
        try await ZooKeeperClient.withClient(configuration) { client in
            let hasWorked = Shared(0)
            let service = LeaderService(ZooKeeperElection(client, at: "/e", configuration: .init(id: "a"))) { _ in
                hasWorked.withLock { $0 += 1 }
                try await Task.sleep(for: .seconds(3_600))
            }
            try await testGracefulShutdown { trigger in
                async let running: Void = service.run()
                try await eventually("works") { hasWorked.value == 1 }
                trigger.triggerGracefulShutdown()
                try await running
                let candidates = try await ZooKeeperElection(client, at: "/e").participants()
                #expect(candidates == [])
            }
        }
    }

    @Test func itIsRequeuedAfterALossAndAfterItsWork() async throws {
        let configuration = try await configuration()
        try await ZooKeeperClient.withClient(configuration) { client in
            let election = ZooKeeperElection(client, at: "/e", configuration: .init(id: "a"))
            let terms = Shared<[FencingToken]>([])
            let service = LeaderService(election) { lease in
                terms.withLock { $0.append(lease.fencingToken) }
                // The first term ends with its work; the others last.
                if terms.value.count > 1 { try await Task.sleep(for: .seconds(3_600)) }
            }
            let running = Task { try await service.run() }
            try await eventually("leads again") { terms.value.count == 2 }
            try await ZooKeeperServer.required.expire(try await client.withSession { $0 })
            try await eventually("leads in another session") { terms.value.count == 3 }
            let leader = try #require(try await election.leader())
            try await client.delete(leader.path)
            try await eventually("leads after a forced resignation") { terms.value.count == 4 }
            #expect(terms.value == terms.value.sorted())
            running.cancel()
            try await running.value
            try await eventually("has left") { try await election.participants().isEmpty }
        }
    }

    @Test func itSaysWhyItCannotBeEnqueuedAndIsOnceItMay() async throws {
        let log = InMemoryLogHandler()
        let configuration = try await configuration()
        try await ZooKeeperClient.withClient(configuration, logger: Logger(label: "test") { _ in log }) { client in
            try await client.create("/e", accessControl: .readOnly)
            let hasWorked = Shared(0)
            let service = LeaderService(ZooKeeperElection(client, at: "/e")) { _ in
                hasWorked.withLock { $0 += 1 }
                try await Task.sleep(for: .seconds(3_600))
            }
            let running = Task { try await service.run() }
            try await eventually("it says so") {
                log.entries.contains {
                    $0.level == .error
                        && $0.metadata == ["zookeeper.lock.path": "/e", "zookeeper.error.code": "noAuth"]
                }
            }
            #expect(hasWorked.value == 0)
            try await client.delete("/e")
            try await eventually("leads") { hasWorked.value == 1 }
            #expect(log.entries.count { $0.level == .error } == 1, "once")
            running.cancel()
            try await running.value
        }
    }

    /// A mistake in the set-up shows at the start; a standby of long standing does not end for it.
    @Test(arguments: [true, false]) func anotherKindAtItsPathEndsItOnlyAtTheStart(hasJoined: Bool) async throws {
        let log = InMemoryLogHandler()
        let configuration = try await configuration()
        try await ZooKeeperClient.withClient(configuration, logger: Logger(label: "test") { _ in log }) { client in
            let election = ZooKeeperElection(client, at: "/e")
            let hasWorked = Shared(0)
            let service = LeaderService(election) { _ in
                hasWorked.withLock { $0 += 1 }
                try await Task.sleep(for: .seconds(3_600))
            }
            var others = ZooKeeperLock.Configuration()
            others.mixedKinds = .ignore
            let lock = ZooKeeperLock(client, at: "/e", configuration: others)
            guard hasJoined else {
                let held = try await lock.acquire()
                await #expect { try await service.run() } throws: { LockError.Code.mixedKinds ~= $0 }
                return try await held.release().map { Issue.record("\($0)") } ?? ()
            }
            let leading = try await election.acquireLeadership()
            let running = Task { try await service.run() }
            try await client.waitForQueue(at: "/e", of: 2)
            let held = try await lock.acquire()
            // Deposed, it joins again, and finds the other.
            let standby = try #require(try await election.participants().last)
            try await election.depose(standby)
            try await eventually("it says so") {
                log.entries.contains {
                    $0.level == .error && $0.metadata["zookeeper.lock.foreignNode"] == "\(held.lease.nodePath.name)"
                }
            }
            try await held.release()
            try await leading.release()
            try await eventually("it leads") { hasWorked.value == 1 }
            running.cancel()
            try await running.value
        }
    }

    /// An error of the work ends the service, also one that looks like an error of the election.
    @Test func anErrorOfTheWorkIsNotTakenForTheElections() async throws {
        let configuration = try await configuration()
        try await ZooKeeperClient.withClient(configuration) { client in
            let service = LeaderService(ZooKeeperElection(client, at: "/e")) { lease in
                try await lease.transaction([Delete("/missing")])
            }
            await #expect { try await service.run() } throws: { LockError.Code.unavailable ~= $0 }
        }
    }

    @Test func anErrorOfTheWorkEndsIt() async throws {
        struct Broken: Error {}
        let configuration = try await configuration()
        try await ZooKeeperClient.withClient(configuration) { client in
            let service = LeaderService(ZooKeeperElection(client, at: "/e")) { _ in throw Broken() }
            await #expect(throws: Broken.self) { try await service.run() }
            let candidates = try await ZooKeeperElection(client, at: "/e").participants()
            #expect(candidates == [])
        }
    }
}
#endif
