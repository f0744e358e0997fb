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

/// `zklock watch`, `revoke` and `break`, as their users run them.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct WindowCommandTests {
    private let server: ZooKeeperServer

    init() throws { server = try .required }

    // MARK: watch

    @Test func changesAreToldAsTheyCome() async throws {
        try await server.withQueue { client, path in
            // It does not exist yet.
            let queue = path.child("queue")
            let arguments = ["watch", "--connect", server.connectString, queue.string]
            let (lines, status) = try await Program("zklock").status(arguments) { running in
                _ = try await running.line(containing: "  free", 1)
                let lock = ZooKeeperLock(client, at: queue)
                let position = QueuePosition()
                let first = try await lock.acquire()
                _ = try await running.line(containing: "  holds ", 1)
                let second = Task { try await lock.acquire(position: position) }
                _ = await position.enqueued()
                _ = try await running.line(containing: "  joined ", 2)
                try await first.release()
                _ = try await running.line(containing: "  holds ", 2)
                try await second.value.release()
                _ = try await running.line(containing: "  free", 2)
                ProcessSignal.send(SIGTERM, to: running.pid)
            }
            #expect(status == -SIGTERM || status == 128 + SIGTERM)
            let words = lines.map { $0.split(separator: " ").dropFirst().first ?? "" }
            #expect(words == ["free", "joined", "holds", "joined", "left", "holds", "left", "free"])
            #expect(lines.allSatisfy { $0.hasPrefix("20") })
        }
    }

    @Test func watchingSurvivesReconnects() async throws {
        let path = try await server.makeDirectory()
        try await ZooKeeperRelay.withRelay(to: server) { relay in
            try await server.withClient(in: .root) { client in
                let arguments = ["watch", "--json", "--connect", relay.connectString, path.string]
                _ = try await Program("zklock").status(arguments) { running in
                    _ = try await running.line(containing: #""change":"free","participant":null"#, 1)
                    relay.cut()
                    try await ZooKeeperLock(client, at: path).withLock { lease in
                        let line = try await running.line(containing: #""change":"holds""#, 1)
                        #expect(line.contains(lease.nodePath.name))
                    }
                    _ = try await running.line(containing: #""change":"free""#, 2)
                    ProcessSignal.send(SIGTERM, to: running.pid)
                }
            }
        }
    }

    /// The signal that comes with it may be ignored, as in a service.
    @Test(arguments: [false, true]) func watchingEndsWithItsReader(_ isIgnored: Bool) async throws {
        try await server.withQueue { client, path in
            // The shell ends with `head`, and says how the watch ended.
            let script = "\(isIgnored ? "trap '' PIPE; " : "")\"$@\" | head -n 1; echo \"status ${PIPESTATUS[0]}\""
            let arguments = [
                "-c", "exec 2>&1; \(script)", "bash", Program.path(of: "zklock"), "watch", "--connect",
                server.connectString, path.string,
            ]
            let (lines, _) = try await Program(found: "bash").status(arguments) { running in
                _ = try await running.line(containing: "  free", 1)
                // Its next line finds nobody.
                try await eventually("it ends") {
                    try await ZooKeeperLock(client, at: path).withLock { _ in }
                    return running.lines.value.contains { $0.hasPrefix("status ") }
                }
            }
            #expect(lines.count == 2, "it says nothing: \(lines)")
            #expect(lines.last == "status 0" || !isIgnored && lines.last == "status 141")
        }
    }

    // MARK: revoke

    @Test func oursHearsTheRequest() async throws {
        try await server.withQueue { client, path in
            let server = server
            try await ZooKeeperReadWriteLock(client, at: path).withWriteLock { lease in
                let (lines, status) = try await zklock("revoke", "--connect", server.connectString, path.string)
                // Otherwise no request would come.
                try #require(status == 0, "\(lines)")
                #expect(lines.count == 1 && lines[0].hasSuffix(", \(lease.nodePath.name)"))
                #expect(await lease.revocationRequest())
            }
            let free = try await zklock("revoke", "--connect", server.connectString, path.string)
            #expect(free.status == 1)
            #expect(free.lines == ["zklock: nobody holds \(path)"])
        }
    }

    @Test func oneOfACustomSchemeHearsTheRequest() async throws {
        try await server.withQueue { client, path in
            var configuration = ZooKeeperLock.Configuration()
            configuration.dialect = .custom("-mine-")
            try await ZooKeeperLock(client, at: path, configuration: configuration).withLock { lease in
                let (lines, status) = try await zklock(
                    "revoke", "--connect", server.connectString, path.string, lease.nodePath.name)
                try #require(status == 0, "\(lines)")
                #expect(await lease.revocationRequest())
                let shown = try await zklock("ls", "--connect", server.connectString, path.string)
                #expect(shown.lines.first == "\(path)  custom lock \"-mine-\": 1 holds")
            }
            let none = try await zklock("revoke", "--connect", server.connectString, path.string, "config")
            #expect(none.lines == ["zklock: config is no participant of \(path)"])
            #expect(none.status == 1)
        }
    }

    @Test func aLeaderIsNotWrittenTo() async throws {
        try await server.withQueue { client, path in
            try await ZooKeeperElection(client, at: path).withLeadership { _ in
                let names = try await client.children(of: path).names
                let node = path.child(names.first ?? "")
                let (lines, status) = try await zklock("revoke", "--connect", server.connectString, path.string)
                #expect(status == 1)
                #expect(
                    lines.first?.contains("was not asked: the node of a leader latch must not be written to") == true)
                #expect(try await client.get(node).stat.version == 0)
            }
        }
    }

    // MARK: break

    @Test func aLeftoverIsBroken() async throws {
        try await server.withQueue { client, path in
            let leftover = try await client.makeLeftover(at: path)
            let node = path.child(leftover)
            let refused = try await zklock("break", "--connect", server.connectString, path.string, leftover)
            #expect(refused.status == 64)
            #expect(refused.lines.first == path.string)
            #expect(refused.lines.contains { $0.contains("no session owns it") })
            #expect(refused.lines.last == "zklock: nothing was deleted; to delete \(leftover), add --yes")
            #expect(try await client.exists(node) != nil)
            let deleted = try await zklock(
                "break", "--connect", server.connectString, "--yes", path.string, node.string)
            #expect(deleted.status == 0, "\(deleted.lines)")
            #expect(deleted.lines.last == "deleted \(node)")
            #expect(try await client.exists(node) == nil)
            let again = try await zklock("break", "--connect", server.connectString, "--yes", path.string, leftover)
            #expect(again.status == 1)
            #expect(again.lines == ["zklock: \(path) has no child \(leftover); nothing was deleted"])
        }
    }

    @Test func anotherGetsABrokenLock() async throws {
        try await server.withQueue { client, path in
            let lock = ZooKeeperLock(client, at: path)
            let held = try await lock.acquire()
            let position = QueuePosition()
            let next = Task { try await lock.acquire(position: position) }
            _ = await position.enqueued()
            let (lines, status) = try await zklock(
                "break", "--connect", server.connectString, "--yes", path.string, held.lease.nodePath.name)
            try #require(status == 0, "\(lines)")
            #expect(lines.contains { $0.hasPrefix("It holds the lock. The next in the queue gets the lock at once") })
            try await next.value.release()
            #expect(await held.loss() != nil)
        }
    }

    @Test func othersAreNotBroken() async throws {
        try await server.withQueue { client, path in
            let names = ["last-run-2147483647", "config", "_c_\(Sample.guid)-lock-0000000001"]
            for name in names { try await client.create(path.child(name)) }
            try await client.create(path.child(names[2]).child("below"))
            for name in names {
                let result = try await zklock("break", "--connect", server.connectString, "--yes", path.string, name)
                #expect(result.status == 1)
                #expect(result.lines.last?.hasSuffix("nothing was deleted") == true)
                #expect(try await client.exists(path.child(name)) != nil)
            }
        }
    }
}
