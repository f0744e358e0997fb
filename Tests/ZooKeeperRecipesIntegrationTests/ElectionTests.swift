// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct ElectionTests {
    private func withElections(
        _ ids: [String], dialect: ElectionDialect = .curatorLatch,
        _ body: ([ZooKeeperElection], _ beside: ZooKeeperClient) async throws -> Void
    ) async throws {
        try await ServerKind.real.withClients(ids.count + 1) { clients in
            let elections = zip(clients, ids).map { client, id in
                var settings = ZooKeeperElection.Configuration()
                settings.dialect = dialect
                settings.id = id
                return ZooKeeperElection(client, at: "/e", configuration: settings)
            }
            try await body(elections, clients[ids.count])
        }
    }

    /// Leads until told to resign.
    private func lead(
        _ election: ZooKeeperElection, _ leading: Shared<[String]>, until resign: Promise<Void>
    ) -> Task<Void, any Error> {
        Task {
            try await election.withLeadership { _ in
                leading.withLock { $0.append(election.id) }
                await resign.wait()
                leading.withLock { $0.removeAll { $0 == election.id } }
            }
        }
    }

    @Test(arguments: [ElectionDialect.curatorLatch, .curatorSelector, .kazoo])
    func candidatesLeadOneAfterTheOther(_ dialect: ElectionDialect) async throws {
        try await withElections(["a", "b", "c"], dialect: dialect) { elections, beside in
            let leading = Shared<[String]>([])
            let resign = elections.map { _ in Promise<Void>() }
            var tasks: [Task<Void, any Error>] = []
            for (index, election) in elections.enumerated() {
                tasks.append(lead(election, leading, until: resign[index]))
                try await eventually("stands") { try await elections[0].participants().count == index + 1 }
            }
            let ids = try await elections[0].participants().compactMap(\.id)
            #expect(ids == ["a", "b", "c"])
            for (index, id) in ids.enumerated() {
                try await eventually("\(id) leads") { leading.value == [id] }
                let leader = try await elections[2].leader()
                #expect(leader?.id == id)
                resign[index].fulfil(())
            }
            for task in tasks { try await task.value }
            let last = try await elections[0].leader()
            #expect(last == nil)
        }
    }

    @Test func theLeadersAreFollowed() async throws {
        try await withElections(["a", "b", "watcher"]) { elections, beside in
            var leaders = elections[2].leaders.makeAsyncIterator()
            #expect(try await leaders.next() == .some(nil))
            let leading = Shared<[String]>([])
            let resign = elections.map { _ in Promise<Void>() }
            let first = lead(elections[0], leading, until: resign[0])
            #expect(try await leaders.next()??.id == "a")
            let second = lead(elections[1], leading, until: resign[1])
            try await eventually("stands") { try await elections[0].participants().count == 2 }
            resign[0].fulfil(())
            #expect(try await leaders.next()??.id == "b")
            resign[1].fulfil(())
            #expect(try await leaders.next() == .some(nil))
            try await first.value
            try await second.value
        }
    }

    /// An operator deletes the leader's node: it steps down, its body is cancelled, the next one leads.
    @Test func aLeaderWhoseNodeIsDeletedStepsDown() async throws {
        try await withElections(["a", "b"]) { elections, beside in
            let isCancelled = Shared(false)
            let first = Task {
                try await elections[0].withLeadership { _ in
                    do {
                        try await Task.sleep(for: .seconds(3_600))
                    } catch {
                        isCancelled.withLock { $0 = true }
                        throw error
                    }
                }
            }
            try await eventually("leads") { try await elections[0].leader()?.id == "a" }
            let leading = Shared<[String]>([])
            let resign = Promise<Void>()
            let second = lead(elections[1], leading, until: resign)
            try await eventually("stands") { try await elections[0].participants().count == 2 }
            let node = try #require(try await elections[1].leader()).path
            try await beside.delete(node)
            let result = await first.result
            #expect { try result.get() } throws: { ($0 as? LockError)?.loss == .nodeDeleted }
            #expect(isCancelled.value)
            try await eventually("the next one leads") { leading.value == ["b"] }
            resign.fulfil(())
            try await second.value
        }
    }

    @Test func aCandidateThatIsCancelledLeavesTheQueue() async throws {
        try await withElections(["a", "b"]) { elections, beside in
            let leading = Shared<[String]>([])
            let resign = Promise<Void>()
            let first = lead(elections[0], leading, until: resign)
            try await eventually("leads") { leading.value == ["a"] }
            let second = lead(elections[1], leading, until: Promise())
            try await eventually("stands") { try await elections[0].participants().count == 2 }
            second.cancel()
            await #expect(throws: CancellationError.self) { try await second.value }
            try await eventually("has left") { try await elections[0].participants().count == 1 }
            await #expect { try await elections[1].withLeadership(waitingUpTo: .milliseconds(50)) { _ in } } throws: {
                LockError.Code.timedOut ~= $0
            }
            resign.fulfil(())
            try await first.value
        }
    }

    /// A latch's nodes are never written: the one behind such a node would go deaf.
    @Test func nodesAreNeverWrittenAfterTheirCreation() async throws {
        try await withElections(["a"]) { elections, beside in
            try await elections[0].withLeadership { lease in
                try await lease.verify()
                let node = try await beside.get(lease.nodePath)
                #expect(node.stat.version == 0)
                #expect(node.data == Array("a".utf8))
                #expect(lease.nodePath.name.contains("-latch-"))
            }
        }
    }
}
