// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Leaders that are requeued, that resign, and that are deposed.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct TermTests {
    /// An election seen through a relay, and the same election beside it.
    private func withElections(
        _ body: (ZooKeeperRelay, ZooKeeperElection, _ beside: ZooKeeperElection) async throws -> Void
    ) async throws {
        try await ZooKeeperServer.required.withRelayedClient { client, relay, other in
            try await body(
                relay, ZooKeeperElection(client, at: "/e", configuration: .init(id: "a")),
                ZooKeeperElection(other, at: "/e", configuration: .init(id: "b")))
        }
    }

    /// Leads, is requeued behind the other one, leads again and resigns.
    private func leadTwice(_ election: ZooKeeperElection, _ mayEnd: Promise<Void>) -> Task<[FencingToken], any Error> {
        Task {
            let tokens = Shared<[FencingToken]>([])
            try await election.withTerms { lease in
                tokens.withLock { $0.append(lease.fencingToken) }
                if tokens.value.count == 2 { return .resign }
                await mayEnd.wait()
                return .requeue
            }
            return tokens.value
        }
    }

    @Test func requeueingIsOneTransaction() async throws {
        try await withElections { relay, election, beside in
            let mayEnd = Promise<Void>()
            let first = leadTwice(election, mayEnd)
            try await eventually("leads") { try await beside.leader()?.id == "a" }
            let elected = Promise<Void>()
            let (position, mayResign) = (QueuePosition(), Promise<Void>())
            let second = Task {
                try await beside.withLeadership(position: position) { lease in
                    elected.fulfil(())
                    await mayResign.wait()
                    return lease.fencingToken
                }
            }
            _ = await position.enqueued()
            let before = relay.traffic
            mayEnd.fulfil(())
            await elected.wait()
            let ids = try await beside.participants().map(\.id)
            #expect(ids == ["b", "a"])
            let requests = (relay.traffic - before).requests
            #expect(requests[.multi] == 1)
            #expect(requests[.delete] == nil && requests[.create2] == nil)
            mayResign.fulfil(())
            let (tokens, between) = (try await first.value, try await second.value)
            #expect(tokens.count == 2 && tokens[0] < between && between < tokens[1])
            #expect(try await beside.participants() == [])
        }
    }

    /// The result is one node in the queue and none left behind, executed or not.
    @Test(arguments: [RelayFault.Point.request(.multi), .reply(to: .multi)])
    func aTransactionOfUnknownOutcomeLeavesOneNode(_ point: RelayFault.Point) async throws {
        try await withElections { relay, election, beside in
            let mayEnd = Promise<Void>()
            let first = leadTwice(election, mayEnd)
            try await eventually("leads") { try await beside.leader()?.id == "a" }
            let held = Task { try await beside.acquireLeadership() }
            try await eventually("stands") { try await beside.participants().count == 2 }
            relay.inject(RelayFault(.cut, at: point))
            mayEnd.fulfil(())
            let second = try await held.value
            try await eventually("stands again") { try await beside.participants().map(\.id) == ["b", "a"] }
            try await second.release()
            let tokens = try await first.value
            #expect(tokens.count == 2 && tokens[0] < tokens[1])
            try await eventually("nothing is left") { try await beside.participants() == [] }
        }
    }

    /// The leader's own node is deleted at the moment of its requeue.
    @Test func aLeaderThatIsDeposedDuringItsRequeueHasOneNode() async throws {
        try await withElections { relay, election, beside in
            let mayEnd = Promise<Void>()
            let first = leadTwice(election, mayEnd)
            try await eventually("leads") { try await beside.leader()?.id == "a" }
            let leader = try #require(try await beside.leader())
            // The news does not reach it before its transaction has left.
            relay.inject(RelayFault(.drop, at: .watchEvent))
            try await beside.depose(leader)
            mayEnd.fulfil(())
            _ = try? await first.value
            try await eventually("nothing is left") { try await beside.participants() == [] }
        }
    }

    @Test func aCandidateCancelledAfterItsRequeueLeavesTheQueue() async throws {
        try await withElections { relay, election, beside in
            let mayEnd = Promise<Void>()
            let first = leadTwice(election, mayEnd)
            try await eventually("leads") { try await beside.leader()?.id == "a" }
            let held = Task { try await beside.acquireLeadership() }
            try await eventually("stands") { try await beside.participants().count == 2 }
            mayEnd.fulfil(())
            let second = try await held.value
            try await eventually("stands again") { try await beside.participants().count == 2 }
            first.cancel()
            await #expect(throws: CancellationError.self) { try await first.value }
            try await eventually("has left") { try await beside.participants().map(\.id) == ["b"] }
            try await second.release()
        }
    }

    @Test func aWaitingCandidateThatIsDeposedIsRequeuedAtTheEnd() async throws {
        try await withElections { _, election, beside in
            let leader = try await beside.acquireLeadership()
            let waiting = Task { try await election.withLeadership { $0.fencingToken } }
            try await eventually("stands") { try await beside.participants().count == 2 }
            let candidate = try await beside.participants()[1]
            #expect(try await beside.depose(candidate))
            try await eventually("stands again") {
                try await beside.participants().last.map { $0.id == "a" && $0.path != candidate.path } ?? false
            }
            #expect(try await !beside.depose(candidate))
            try await leader.release()
            #expect(try await waiting.value > leader.lease.fencingToken)
        }
    }

    @Test func aTermInsideALeadershipIsPartOfIt() async throws {
        try await withElections { _, election, beside in
            try await election.withLeadership { outer in
                let count = Shared(0)
                try await election.withTerms { inner in
                    #expect(inner.fencingToken == outer.fencingToken)
                    count.withLock { $0 += 1 }
                    return count.value < 3 ? .requeue : .resign
                }
                #expect(count.value == 3)
            }
        }
    }
}
