// SPDX-License-Identifier: Apache-2.0

// The elections of the documentation of ZooKeeperRecipes.

import ZooKeeper
import ZooKeeperRecipes

func lead(_ client: ZooKeeperClient) async throws {
    // snippet.first
    let election = ZooKeeperElection(
        client, at: "/elections/scheduler",
        configuration: .init(id: "eu-west-1a"))
    try await election.withLeadership { lease in
        while true {
            try lease.checkHeld()
            try await runNextJob(fence: lease.fencingToken)
        }
    }
    // snippet.end
}

func leadInTurns(_ election: ZooKeeperElection) async throws {
    // snippet.turns
    try await election.withTerms(holdingAtMost: .seconds(600)) { lease in
        for _ in 1...100 { try await runNextJob(fence: lease.fencingToken) }
        return .requeue
    }
    // snippet.end
}

#if ServiceLifecycle
func probe(_ scheduler: LeaderService) async {
    // snippet.probe
    // In the handler of GET /ready: only the leader gets traffic.
    let status = scheduler.isLeading ? 200 : 503
    // snippet.end
    print(status)
    // snippet.terms
    for await term in scheduler.terms {
        print(term.map { "leads, token \($0.fencingToken)" } ?? "does not lead")
    }
    // snippet.end
}

#endif

func watch(_ election: ZooKeeperElection) async throws {
    // snippet.leaders
    for try await leader in election.leaders {
        print(leader.map { $0.id ?? $0.path.name } ?? "nobody leads")
    }
    // snippet.end
}

func handOver(_ election: ZooKeeperElection) async throws {
    // snippet.depose
    if let leader = try await election.leader() {
        try await election.depose(leader)
    }
    // snippet.end
}

func runNextJob(fence: FencingToken) async throws {
    try await Task.sleep(for: .milliseconds(10))
    print(fence)
}
