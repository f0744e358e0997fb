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

/// Processes that write to one file, one of which stands still.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct FencedWriterTests {
    @Test func theFileRefusesTheLateWriter() async throws {
        let server = try ZooKeeperServer.required
        try await server.withClient { client in
            try await withTemporaryFile(containing: "") { file in
                let arguments = [
                    "--connect", connect(server, client), "--lock", "/lock", "--file", file, "--session-timeout", "2",
                ]
                let (aliceLines, aliceStatus) = try await Program(guarded: "FencedWriter").status(
                    arguments + ["--name", "alice", "--freeze"]
                ) { alice in
                    _ = try await alice.line(startingWith: "alice is paused")
                    let (bobLines, bobStatus) = try await Program(guarded: "FencedWriter").status(
                        arguments + ["--name", "bob"]
                    ) { _ in
                    }
                    #expect(bobStatus == 0)
                    #expect(bobLines.last == "bob has written everything")
                    #expect(alice.lines.value.last == "alice is paused")
                    ProcessSignal.send(SIGCONT, to: alice.pid)
                }
                #expect(aliceStatus == 3)
                #expect(aliceLines.last?.hasPrefix("alice was refused line 2: token ") == true, "\(aliceLines)")
                let written = try readFile(file).split(separator: "\n")
                #expect(written.map { $0.dropFirst(25) } == ["alice 1", "bob 1", "bob 2", "bob 3"])
                let tokens = try written.map { try #require(FencingToken($0.prefix(24))) }
                #expect(tokens[0] < tokens[1] && tokens[1] == tokens[2] && tokens[2] == tokens[3])
            }
        }
    }
}
