// SPDX-License-Identifier: Apache-2.0

import ProcessSignals
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Instances of a service, each in a process of its own, that see each other come and go.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct ServiceRegistryTests {
    @Test func anInstanceIsRegisteredAgainAfterItsSession() async throws {
        let server = try ZooKeeperServer.required
        try await server.withClient { client in
            let (watcherLines, watcherStatus) = try await whileRunning(nil, server, client) { watcher in
                let (lines, status) = try await whileRunning("web-1", server, client) { instance in
                    try await says("+ web-1 at 10.0.0.1:web-1", watcher)
                    // Longer than its session lives.
                    ProcessSignal.stop(instance.pid)
                    try await says("- web-1", watcher)
                    ProcessSignal.send(SIGCONT, to: instance.pid)
                    try await says("+ web-1 at 10.0.0.1:web-1", times: 2, watcher)
                    try await says("registered as web-1 at 10.0.0.1:web-1", times: 2, instance)
                    // An operator takes it out: it comes back.
                    try await client.delete("/web/web-1")
                    try await says("registered as web-1 at 10.0.0.1:web-1", times: 3, instance)
                    ProcessSignal.send(SIGTERM, to: instance.pid)
                }
                #expect(status == 0)
                // As it goes on, it may see the end of its connection before that of its session.
                #expect(
                    lines.contains("lost the session; registers again in the next")
                        || lines.contains("no server answers; goes on trying"))
                #expect(lines.last == "ended")
                // Its session was closed: there is nothing to expire.
                let names = try await client.children(of: "/web").names
                #expect(names == [])
                try await eventually("it is gone") { watcher.lines.value.last == "- web-1" }
                ProcessSignal.send(SIGTERM, to: watcher.pid)
            }
            #expect(watcherStatus == 0)
            #expect(watcherLines.last == "ended")
        }
    }

    @Test func anInstanceWithATakenNameWaitsForIt() async throws {
        let server = try ZooKeeperServer.required
        try await server.withClient { client in
            let (_, firstStatus) = try await whileRunning("web-1", server, client) { first in
                try await says("registered as web-1 at 10.0.0.1:web-1", first)
                let (_, secondStatus) = try await whileRunning("web-1", server, client) { second in
                    _ = try await second.line(startingWith: "web-1 is taken by session 0x")
                    ProcessSignal.send(SIGTERM, to: first.pid)
                    try await says("registered as web-1 at 10.0.0.1:web-1", second)
                    ProcessSignal.send(SIGTERM, to: second.pid)
                }
                #expect(secondStatus == 0)
            }
            #expect(firstStatus == 0)
        }
    }

    private func says(_ line: String, times: Int = 1, _ instance: Program.Running) async throws {
        try await eventually("it says \"\(line)\" \(times) times") {
            instance.lines.value.count { $0 == line } == times
        }
    }

    private func whileRunning(
        _ name: String?, _ server: ZooKeeperServer, _ client: ZooKeeperClient,
        _ body: @Sendable (Program.Running) async throws -> some Sendable
    ) async throws -> (lines: [String], status: Int32) {
        let arguments = ["--connect", connect(server, client), "--service", "/web", "--session-timeout", "2"]
        return try await Program(guarded: "ServiceRegistry").status(
            arguments + (name.map { ["--name", $0, "--address", "10.0.0.1:\($0)"] } ?? []), body)
    }
}
