// SPDX-License-Identifier: Apache-2.0

#if ServiceLifecycle
import Logging
import ServiceLifecycle
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Leadership as a state: for a readiness probe, and for metrics.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct LeadershipStateTests {
    @Test func itIsTrueWhileTheTermLasts() async throws {
        try await ServerKind.real.withClients { clients in
            let finish = Promise<Void>()
            let service = LeaderService(ZooKeeperElection(clients[0], at: "/e")) { _ in await finish.wait() }
            #expect(!service.isLeading)
            var terms = service.terms.makeAsyncIterator()
            #expect(await terms.next() == .some(nil))
            let running = Task { try await service.run() }
            let next = try #require(await terms.next())
            let first = try #require(next)
            #expect(service.isLeading)
            #expect(first.number == 1)
            let leader = try #require(try await ZooKeeperElection(clients[1], at: "/e").leader())
            #expect(first.node == leader.path && first.fencingToken == leader.fencingToken)
            running.cancel()
            #expect(await terms.next() == .some(nil))
            #expect(!service.isLeading)
            _ = await running.result
        }
    }

    /// The work may take its time to end; the term is over.
    @Test func itIsFalseAsSoonAsTheTermIsLost() async throws {
        try await ServerKind.real.withClients { clients in
            let isCancelled = Promise<Void>()
            let mayEnd = Promise<Void>()
            let service = LeaderService(ZooKeeperElection(clients[0], at: "/e")) { _ in
                await Promise<Void>().wait()
                isCancelled.fulfil(())
                await mayEnd.wait(isShielded: true)
            }
            let running = Task { try await service.run() }
            var terms = service.terms.makeAsyncIterator()
            var term: LeadershipTerm?
            while term == nil { term = try #require(await terms.next()) }
            let election = ZooKeeperElection(clients[1], at: "/e")
            let leader = try #require(try await election.leader())
            #expect(try await election.depose(leader))
            #expect(await terms.next() == .some(nil))
            await isCancelled.wait()
            #expect(!service.isLeading)
            mayEnd.fulfil(())
            // It joins again.
            term = nil
            while term == nil { term = try #require(await terms.next()) }
            #expect(term?.number == 2)
            #expect(service.isLeading)
            running.cancel()
            _ = await running.result
        }
    }
}
#endif
