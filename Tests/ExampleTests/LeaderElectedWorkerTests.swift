// SPDX-License-Identifier: Apache-2.0

import ProcessSignals
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Workers, each in a process of its own; one of them leads.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct LeaderElectedWorkerTests {
    @Test func anotherLeadsWhenTheLeaderIsKilledAndWhenItResigns() async throws {
        let server = try ZooKeeperServer.required
        try await server.withClient { client in
            let election = ZooKeeperElection(client, at: "/workers")
            @Sendable func participants() async throws -> [String] {
                try await election.participants().compactMap(\.id)
            }
            // The session of the process that is killed is over soon, those of the others are not.
            try await whileRunning("alpha", 2, server, client) { alpha in
                let firstToken = try await token(of: "alpha", alpha)
                let (betaLines, betaStatus) = try await whileRunning("beta", 30, server, client) { beta in
                    try await eventually("beta stands") { try await participants() == ["alpha", "beta"] }
                    let (gammaLines, gammaStatus) = try await whileRunning("gamma", 30, server, client) { gamma in
                        try await eventually("gamma stands") { try await participants() == ["alpha", "beta", "gamma"] }
                        _ = try await gamma.line(startingWith: "leader: alpha")
                        ProcessSignal.send(SIGKILL, to: alpha.pid)
                        let secondToken = try await token(of: "beta", beta)
                        _ = try await gamma.line(startingWith: "leader: beta")
                        ProcessSignal.send(SIGTERM, to: beta.pid)
                        let thirdToken = try await token(of: "gamma", gamma)
                        _ = try await gamma.line(startingWith: "leader: gamma")
                        #expect(firstToken < secondToken && secondToken < thirdToken)
                        ProcessSignal.send(SIGTERM, to: gamma.pid)
                    }
                    #expect(gammaStatus == 0)
                    #expect(lastOwnLines(gammaLines) == ["gamma has stopped working", "gamma has resigned"])
                }
                #expect(betaStatus == 0)
                #expect(betaLines.first == "beta is a candidate at /workers on \(connect(server, client))")
                #expect(betaLines.contains("beta does job 1"))
                #expect(lastOwnLines(betaLines) == ["beta has stopped working", "beta has resigned"])
                // Their sessions would have lived on for half a minute: they have resigned before they ended.
                let rest = try await participants()
                #expect(rest == [])
            }
        }
    }

    @discardableResult
    private func whileRunning(
        _ name: String, _ sessionTimeout: Int, _ server: ZooKeeperServer, _ client: ZooKeeperClient,
        _ body: @Sendable (Program.Running) async throws -> some Sendable
    ) async throws -> (lines: [String], status: Int32) {
        try await Program(guarded: "LeaderElectedWorker").status(
            [
                "--connect", connect(server, client), "--election", "/workers", "--name", name, "--session-timeout",
                "\(sessionTimeout)",
            ], body)
    }

    /// Returns the last lines but for those that name the leader: another service prints these, and ends after the
    /// worker.
    private func lastOwnLines(_ lines: [String]) -> [String] {
        lines.filter { !$0.hasPrefix("leader: ") && $0 != "nobody leads" }.suffix(2)
    }

    private func token(of name: String, _ worker: Program.Running) async throws -> FencingToken {
        let line = try await worker.line(startingWith: "\(name) is the leader now")
        return try #require(FencingToken(line.suffix(24)))
    }
}
