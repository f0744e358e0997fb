// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// Processes that read and renew a catalogue.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct ReadWriteCacheTests {
    @Test func readersSeeWholeEditionsOnly() async throws {
        let server = try ZooKeeperServer.required
        try await server.withClient { client in
            @Sendable func run(
                _ command: String, _ option: String, _ value: Int, until line: String
            ) async throws -> [String] {
                let (lines, status) = try await Program(guarded: "ReadWriteCache").status(
                    [command, "--connect", connect(server, client), "--path", "/cache", option, "\(value)"]
                ) { process in
                    // One that never comes so far is killed.
                    _ = try await process.line(startingWith: line)
                }
                #expect(status == 0)
                return lines
            }
            async let firstReader = run("read", "--until", 6, until: "read edition 6")
            async let secondReader = run("read", "--until", 6, until: "read edition 6")
            async let firstRefresher = run("refresh", "--editions", 3, until: "wrote edition ")
            async let secondRefresher = run("refresh", "--editions", 3, until: "wrote edition ")
            let written = try await (firstRefresher + secondRefresher).map { $0.dropFirst("wrote ".count) }.sorted()
            #expect(written.map { $0.prefix { $0 != ":" } } == (1...6).map { "edition \($0)" })
            for lines in try await [firstReader, secondReader] {
                // Nothing half written, nothing that was not written, nothing older than before, and the last one.
                let read = lines.map { $0.dropFirst("read ".count) }.filter { !$0.hasPrefix("edition 0") }
                #expect(!read.isEmpty && Set(read).isSubset(of: Set(written)), "\(lines)")
                #expect(read == read.sorted() && Set(read).count == read.count, "\(lines)")
                #expect(read.last == written.last)
            }
        }
    }
}
