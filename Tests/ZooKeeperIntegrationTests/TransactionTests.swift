// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct TransactionTests {
    private func withClient(_ body: (ZooKeeperClient) async throws -> Void) async throws {
        try await ZooKeeperServer.required.withClient(body)
    }

    @Test func goesThroughAsAWhole() async throws {
        try await withClient { client in
            try await client.create("/old")
            try await client.create("/count")
            let (created, numbered, stat, _, _) = try await client.transaction(
                Create("/new", data: [1]), Create("/n-", mode: .persistentSequential), SetData("/count", to: [2]),
                Check("/count", version: 1), Delete("/old"))
            #expect(created.path == "/new")
            #expect(created.stat == nil)
            #expect(numbered.path.name.hasPrefix("n-00000000"))
            #expect(stat.version == 1)
            #expect(try await client.exists("/old") == nil)
            #expect(try await client.get("/new").data == [1])
        }
    }

    @Test func failsAsAWhole() async throws {
        try await withClient { client in
            try await client.create("/a")
            let error = await expectFailure(.badVersion) {
                try await client.transaction(
                    SetData("/a", to: [1]), Create("/b"), Check("/a", version: 9), Delete("/a"))
            }
            let details = try #require(error as? ZooKeeperError)
            #expect(details.failedOperation == 2)
            #expect(details.execution == .refused)
            #expect(try await client.get("/a").data == [])
            #expect(try await client.exists("/b") == nil)
        }
    }

    @Test func ofAListKnownAtRunTime() async throws {
        try await withClient { client in
            let results = try await client.transaction([
                Create("/a"), SetData("/a", to: [7]), Check("/a"), Create("/b", mode: .ephemeral), Delete("/b"),
            ])
            #expect(results.count == 5)
            #expect(results[0] == .created(CreatedZNode(path: "/a", stat: nil)))
            guard case .dataSet(let stat) = results[1] else {
                Issue.record("\(results[1])")
                return
            }
            #expect(stat.version == 1)
            #expect(results[2] == .checked)
            #expect(results[4] == .deleted)
            await expectFailure(.noNode) { try await client.transaction([Delete("/a"), Delete("/x")]) }
            #expect(try await client.exists("/a") != nil)
        }
    }

    @Test func withoutOperationsIsEmpty() async throws {
        try await withClient { client in
            #expect(try await client.transaction([]) == [])
            try await client.transaction()
        }
    }

    @Test func withOnlyACheckAsksTheLeader() async throws {
        try await withClient { client in
            try await client.create("/a")
            let results = try await client.transaction([Check("/a")])
            #expect(results == [.checked])
            let error = await expectFailure(.noNode) { try await client.transaction([Check("/x")]) }
            #expect((error as? ZooKeeperError)?.failedOperation == 0)
        }
    }

    @Test func keepsAccessControlAndLongPaths() async throws {
        try await withClient { client in
            let long = ZNodePath.root.child(String(repeating: "x", count: 5_000))
            let (created, _) = try await client.transaction(
                Create(long, mode: .persistentSequential), Create("/locked", accessControl: .readOnly))
            #expect(created.path.string.count == long.string.count + 10)
            #expect(try await client.exists(created.path) != nil)
            #expect(try await client.accessControl(of: "/locked").accessControl == .readOnly)
        }
    }

    @Test func whatTheCClientCannotDoIsRefusedBeforeIt() async throws {
        try await withClient { client in
            let refused: [any TransactionOperation] = [
                Create("/c", mode: .container), Create("/t", mode: .persistent(timeToLive: .seconds(1))),
                Create("/t-", mode: .persistentSequential(timeToLive: .seconds(1))),
            ]
            for operation in refused {
                let error = await expectFailure(.invalidArgument) {
                    try await client.transaction([Create("/first"), operation])
                }
                #expect((error as? ZooKeeperError)?.failedOperation == 1)
                #expect((error as? ZooKeeperError)?.execution == .notSent)
            }
            await expectFailure(.invalidACL) {
                try await client.transaction([Create("/a", accessControl: AccessControl([]))])
            }
            let first = try await client.exists("/first")
            #expect(first == nil)
        }
    }

    @Test func ofAThousandOperations() async throws {
        try await withClient { client in
            let operations = (0..<1_000).map { Create(ZNodePath.root.child("n\($0)"), data: [UInt8($0 % 256)]) }
            let results = try await client.transaction(operations)
            let names = try await client.children(of: "/").names
            let last = try await client.get("/n999").data
            #expect(results.count == 1_000)
            #expect(names.count == 1_000)
            #expect(last == [231])
        }
    }
}
