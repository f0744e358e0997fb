// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Runs rounds in which the leader's session is closed, another candidate is elected, and a new candidate joins.
func runElection(_ options: Options) async throws -> Report {
    try await withClients(1, options) { admin in
        let measurement = Measurement(options)
        let (elections, elected) = AsyncStream.makeStream(of: Elected.self)
        var tally = Tally()
        var candidates: [Candidate] = []
        defer { for candidate in candidates { candidate.closeSession() } }
        for index in 0..<options.clients { candidates.append(try Candidate(index, options, elected)) }
        var next = elections.makeAsyncIterator()
        guard var leader = await next.next() else { throw Unexpected("no candidate was elected") }
        var rounds = Rounds(options, cyclesPerRound: 1)
        while rounds.mayStart(in: measurement) {
            try await waitForCandidates(admin[0], options)
            let old = candidates[leader.index]
            let start = monotonicNanoseconds()
            old.closeSession()
            guard let successor = await next.next() else { throw Unexpected("no candidate was elected") }
            if measurement.isMeasuring {
                tally.cycles += 1
                tally.samples.append(successor.at - start)
            }
            await old.waitUntilClosed()
            candidates[leader.index] = try Candidate(leader.index, options, elected)
            leader = successor
        }
        measurement.end()
        for candidate in candidates {
            candidate.closeSession()
            await candidate.waitUntilClosed()
        }
        return measurement.report(tally)
    }
}

/// Takes part in the election, prints LEADER when it is elected, and leads until the process is killed.
func holdElection(_ options: Options) async throws -> Report {
    try await withClients(1, options, timeout: .seconds(4)) { clients in
        try await ZooKeeperElection(clients[0], at: try options.root).withLeadership { _ in
            print("LEADER")
            fflush(nil)
            while true { try await Task.sleep(for: .seconds(3_600)) }
        }
    }
}

/// Waits until all candidates are in the queue and watch their predecessors.
private func waitForCandidates(_ admin: ZooKeeperClient, _ options: Options) async throws {
    guard options.ops == 0 else {
        // If requests are counted, this one should not be among them.
        try await Task.sleep(for: .milliseconds(200))
        return
    }
    let path = try options.root
    while try await admin.children(of: path).names.count < options.clients {
        try await Task.sleep(for: .milliseconds(2))
    }
    // Time for the new candidate to set its watch.
    try await Task.sleep(for: .milliseconds(10))
}

private struct Elected: Sendable {
    var index: Int
    var at: Int64
}

/// A candidate with a session of its own.
private struct Candidate: Sendable {
    private let running: Task<Void, Never>
    private let candidacy: Task<Void, any Error>

    init(_ index: Int, _ options: Options, _ elected: AsyncStream<Elected>.Continuation) throws {
        let client = try makeClient(options)
        let election = ZooKeeperElection(client, at: try options.root)
        running = Task { await client.run() }
        candidacy = Task {
            try await election.withLeadership { _ in
                elected.yield(Elected(index: index, at: monotonicNanoseconds()))
                // Until leadership is lost: with the session, which is closed under it.
                while true { try await Task.sleep(for: .seconds(3_600)) }
            }
        }
    }

    /// Closes the session, and with it ends the candidacy. The leader does not resign first: the end of the session is
    /// what is measured.
    func closeSession() { running.cancel() }

    func waitUntilClosed() async {
        await running.value
        _ = await candidacy.result
    }
}
