// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

@Suite(.timeLimit(.minutes(5))) struct EnsembleTests {
    @Test func outlivesItsLeader() async throws {
        try await Ensemble.withEnsemble { ensemble in
            try await ZooKeeperClient.withClient(ensemble.configuration) { client in
                try await client.create("/a", data: [1])
                let killed = try await ensemble.killLeader()
                #expect(!ensemble.servers[killed].isRunning)
                let next = try await ensemble.waitForLeader(otherThan: killed)
                try await eventually("the client goes on") { (try? await client.set("/a", to: [2])) != nil }
                try await ensemble.servers[killed].restart()

                let frozen = try await ensemble.freezeLeader()
                #expect(frozen == next)
                try await ensemble.waitForLeader(otherThan: frozen)
                try await eventually("the client goes on") { (try? await client.set("/a", to: [3])) != nil }
                ensemble.servers[frozen].thaw()
                try await ensemble.waitUntilServing()
                // It follows the new one now, and knows what that has done.
                try await ZooKeeperClient.withClient(ensemble.servers[frozen].configuration) { beside in
                    try await beside.sync()
                    let data = try await beside.get("/a").data
                    #expect(data == [3])
                }
            }
        }
    }

    @Test func aServerCutOffFromTheOthersStopsServingAndComesBack() async throws {
        try await Ensemble.withEnsemble { ensemble in
            let leader = try await ensemble.waitForLeader()
            let follower = try #require(ensemble.servers.indices.first { $0 != leader })
            // Only the two: the third hears both. The follower has no leader, and the leader goes on.
            ensemble.sever(leader, follower)
            try await eventually("the follower does not serve") {
                let answer = try await ensemble.servers[follower].ask("srvr")
                return answer.contains("not currently serving")
            }
            let others = ensemble.servers.indices.filter { $0 != follower }
            try await ZooKeeperClient.withClient(ensemble.servers[others[0]].configuration) { client in
                _ = try await client.create("/made-without-it")
            }
            ensemble.heal()
            try await ensemble.waitUntilServing()
            try await ZooKeeperClient.withClient(ensemble.servers[follower].configuration) { client in
                try await client.sync()
                let stat = try await client.exists("/made-without-it")
                #expect(stat != nil)
            }
        }
    }

    @Test func aLeaderCutOffFromAllOthersIsReplaced() async throws {
        try await Ensemble.withEnsemble { ensemble in
            let leader = try await ensemble.waitForLeader()
            ensemble.isolate(leader)
            let next = try await ensemble.waitForLeader(otherThan: leader)
            ensemble.heal()
            try await ensemble.waitUntilServing()
            try await eventually("there is one leader") { await ensemble.leader() == next }
        }
    }

    @Test func aRelayThatIsRedirectedLeadsToAnotherServer() async throws {
        try await Ensemble.withEnsemble { ensemble in
            let leader = try await ensemble.waitForLeader()
            let followers = ensemble.servers.indices.filter { $0 != leader }
            let former = ensemble.servers[followers[0]]
            try await ZooKeeperRelay.withRelay(to: former) { relay in
                var configuration = try relay.configuration
                configuration.sessionTimeout = .seconds(30)
                try await ZooKeeperClient.withClient(configuration) { client in
                    let session = try await client.withSession { $0.state }
                    guard case .connected(let id) = session else { throw TestKitError("not connected") }
                    relay.redirect(to: ensemble.servers[followers[1]])
                    await former.kill()
                    try await eventually("the client goes on") { (try? await client.exists("/")) != nil }
                    // The same session, known to all servers.
                    #expect(client.sessionState == .connected(id))
                }
            }
        }
    }

    @Test func allServersCanBeRestartedInTurn() async throws {
        try await Ensemble.withEnsemble { ensemble in
            try await ZooKeeperClient.withClient(ensemble.configuration) { client in
                try await client.create("/a")
                let before = ensemble.servers.map(\.processID)
                try await ensemble.rollingRestart()
                #expect(zip(before, ensemble.servers.map(\.processID)).allSatisfy { $0 != $1 })
                let stat = try await client.exists("/a")
                #expect(stat != nil)
            }
        }
    }

    @Test func aSizeThatIsNoneIsRefused() async throws {
        await #expect(throws: TestKitError.self) { try await Ensemble.withEnsemble(of: 1) { _ in } }
    }
}
