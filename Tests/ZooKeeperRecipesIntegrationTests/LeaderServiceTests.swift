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
