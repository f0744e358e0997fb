// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct OperationsTests {
    private func withClient(_ body: (ZooKeeperClient) async throws -> Void) async throws {
        try await ZooKeeperServer.required.withClient(body)
    }

    // MARK: Create

    @Test func createsAndReads() async throws {
        try await withClient { client in
            let created = try await client.create("/a", data: "hello".utf8)
            #expect(created.path == "/a")
            let stat = try #require(created.stat)
            #expect(stat.dataLength == 5)
            #expect(stat.ephemeralOwner.rawValue == 0)
            #expect(stat.czxid.rawValue > 0)
            let node = try await client.get("/a")
            #expect(node.data == Array("hello".utf8))
            #expect(node.stat == stat)
        }
    }

    @Test func anEphemeralNodeBelongsToItsSession() async throws {
        try await withClient { client in
            let id = try await client.withSession { session in
                try await session.create("/e", mode: .ephemeral)
                return session.id
            }
            let stat = try #require(await client.exists("/e"))
            #expect(stat.ephemeralOwner == id)
            await expectFailure(.noChildrenForEphemerals) { try await client.create("/e/child") }
        }
        try await withClient { client in
            let other = try await client.exists("/e")
            #expect(other == nil, "gone with the session")
        }
    }

    @Test func sequentialNodesGetGrowingNumbers() async throws {
        try await withClient { client in
            let first = try await client.create("/n-", mode: .persistentSequential).path
            let second = try await client.create("/n-", mode: .ephemeralSequential).path
            let nameless = try await client.perform(Create(namelessIn: first)).path
            let inRoot = try await client.perform(Create(namelessIn: .root)).path
            #expect([first, second] == ["/n-0000000000", "/n-0000000001"])
            #expect([nameless, inRoot] == ["/n-0000000000/0000000000", "/0000000002"])
        }
    }

    @Test func containersGoWhenTheyAreEmpty() async throws {
        var configuration = ServerConfiguration()
        configuration.systemProperties["znode.container.checkIntervalMs"] = "100"
        try await ZooKeeperServer.withServer(configuration) { server in
            try await ZooKeeperClient.withClient(server.configuration) { client in
                try await client.create("/c", mode: .container)
                try await client.create("/c/child")
                #expect(try await client.exists("/c") != nil)
                try await client.delete("/c/child")
                try await eventually("the container is removed") { try await client.exists("/c") == nil }
            }
        }
    }

    @Test func nodesWithATimeToLiveGo() async throws {
        var configuration = ServerConfiguration()
        configuration.systemProperties["znode.container.checkIntervalMs"] = "100"
        try await ZooKeeperServer.withServer(configuration) { server in
            try await ZooKeeperClient.withClient(server.configuration) { client in
                try await client.create("/t", mode: .persistent(timeToLive: .milliseconds(50)))
                let numbered = try await client.create(
                    "/s-", mode: .persistentSequential(timeToLive: .milliseconds(50)))
                #expect(numbered.path.name.hasPrefix("s-0000"))
                try await eventually("both are removed") {
                    let names = try await client.children(of: "/").names
                    return !names.contains("t") && !names.contains(numbered.path.name)
                }
            }
        }
    }

    @Test func aServerWithoutTimeToLiveSaysSo() async throws {
        var configuration = ServerConfiguration()
        configuration.systemProperties = [:]
        try await ZooKeeperServer.withServer(configuration) { server in
            try await ZooKeeperClient.withClient(server.configuration) { client in
                await expectFailure(.unimplemented) {
                    try await client.create("/t", mode: .persistent(timeToLive: .seconds(1)))
                }
            }
        }
    }

    @Test func refusesToCreateWhatIsThereAndWhatHasNoParent() async throws {
        try await withClient { client in
            try await client.create("/a")
            let error = await expectFailure(.nodeExists) { try await client.create("/a") }
            let details = try #require(error as? ZooKeeperError)
            #expect(details.path == "/a", "as the caller named it, without the chroot")
            #expect(details.operation == "create")
            #expect(details.execution == .refused)
            #expect(details.file == #fileID)
            #expect(details.sessionGeneration == 1)
            await expectFailure(.noNode) { try await client.create("/x/y") }
        }
    }

    // MARK: Data

    @Test func setsDataAtItsVersion() async throws {
        try await withClient { client in
            try await client.create("/a")
            #expect(try await client.get("/a").data == [])
            let stat = try await client.set("/a", to: [1, 2, 3], ifVersion: 0)
            #expect(stat.version == 1)
            await expectFailure(.badVersion) { try await client.set("/a", to: [4], ifVersion: 0) }
            #expect(try await client.set("/a", to: [5]).version == 2)
            #expect(try await client.get("/a").data == [5])
            await expectFailure(.noNode) { try await client.set("/x", to: [1]) }
            await expectFailure(.noNode) { try await client.get("/x") }
        }
    }

    @Test func existsTellsThereFromNotThere() async throws {
        try await withClient { client in
            #expect(try await client.exists("/a") == nil)
            let created = try await client.create("/a")
            #expect(try await client.exists("/a") == created.stat)
        }
    }

    @Test func deletesAtItsVersion() async throws {
        try await withClient { client in
            try await client.create("/a")
            try await client.create("/a/b")
            await expectFailure(.notEmpty) { try await client.delete("/a") }
            await expectFailure(.badVersion) { try await client.delete("/a/b", ifVersion: 7) }
            try await client.delete("/a/b", ifVersion: 0)
            try await client.delete("/a")
            await expectFailure(.noNode) { try await client.delete("/a") }
        }
    }

    @Test func listsChildren() async throws {
        try await withClient { client in
            let empty = try await client.children(of: "/")
            #expect(empty.names == [])
            for name in ["b", "a", "ä"] { try await client.create(try ZNodePath.root.appending(name)) }
            let children = try await client.children(of: "/")
            #expect(children.names.sorted() == ["a", "b", "ä"])
            #expect(children.stat.numChildren == 3)
            await expectFailure(.noNode) { try await client.children(of: "/x") }
        }
    }

    @Test func everyByteComesBack() async throws {
        try await withClient { client in
            let bytes = (0...255).map { UInt8($0) }
            try await client.create("/a", data: bytes)
            #expect(try await client.get("/a").data == bytes)
        }
    }

    // MARK: Access control

    @Test func accessControlIsKept() async throws {
        try await withClient { client in
            let list = AccessControl([
                .init([.read, .admin], for: .anyone), .init(.all, for: .digest(user: "bob", hash: "x=")),
            ])
            try await client.create("/a", accessControl: list)
            let read = try await client.accessControl(of: "/a")
            #expect(read.accessControl == list)
            #expect(read.stat.aversion == 0)
            await expectFailure(.noAuth) { try await client.set("/a", to: [1]) }
            await expectFailure(.badVersion) {
                try await client.setAccessControl(of: "/a", to: .open, ifVersion: 3)
            }
            try await client.setAccessControl(of: "/a", to: .open, ifVersion: 0)
            #expect(try await client.accessControl(of: "/a").accessControl == .open)
            try await client.set("/a", to: [1])
        }
    }

    // MARK: Order

    @Test func aPipelineIsOneRoundTripInOrder() async throws {
        let server = try ZooKeeperServer.required
        try await ZooKeeperRelay.withRelay(to: server) { relay in
            try await ZooKeeperClient.withClient(relay.configuration) { client in
                let directory = try await client.create("/pipeline-", mode: .persistentSequential).path
                let path = directory.child("n-")
                let before = relay.traffic
                relay.expectPipelines([4])
                let (created, listed, missing, stat) = await client.pipeline(
                    Create(path, mode: .ephemeralSequential), GetChildren(directory), GetData("/nowhere"),
                    Exists(directory))
                #expect(try created.get().path.name == "n-0000000000")
                #expect(try listed.get().names == ["n-0000000000"])
                await expectFailure(.noNode) { try missing.get() }
                #expect(try stat.get()?.numChildren == 1)
                #expect((relay.traffic - before).roundTrips == 1)
            }
        }
    }

    @Test func syncIsAnswered() async throws {
        try await withClient { client in try await client.sync() }
    }

    @Test func requestsOfOneSessionAreExecutedInOrder() async throws {
        try await withClient { client in
            try await client.withSession { session in
                for round in 0..<100 {
                    let (created, listed) = await session.pipeline(
                        Create("/n-", mode: .ephemeralSequential), GetChildren("/"))
                    let names = try listed.get().names
                    let name = try created.get().path.name
                    #expect(names.count == round + 1)
                    #expect(names.contains(name))
                }
            }
        }
    }
}
