// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// The calls that spare their callers a `catch`, a loop, or a name of their own.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct EverydayCallTests {
    @Test(arguments: ServerKind.allCases) func whatIsMissingIsAnOrdinaryAnswer(_ kind: ServerKind) async throws {
        try await kind.withClients(1) { clients in
            let client = clients[0]
            #expect(try await client.getIfExists("/a") == nil)
            #expect(try await client.childrenIfExists(of: "/a") == nil)
            #expect(try await client.setIfExists("/a", to: [1]) == nil)
            #expect(try await client.deleteIfExists("/a") == false)
            let created = try await client.createIfMissing("/a", data: [1])
            #expect(created?.path == "/a")
            #expect(try await client.createIfMissing("/a", data: [2]) == nil)
            #expect(try await client.getIfExists("/a")?.data == [1], "left as it is")
            #expect(try await client.setIfExists("/a", to: [3])?.version == 1)
            await expectFailure(.badVersion) { try await client.setIfExists("/a", to: [4], ifVersion: 7) }
            await expectFailure(.badVersion) { try await client.deleteIfExists("/a", ifVersion: 7) }
            try await client.create("/a/b")
            await expectFailure(.notEmpty) { try await client.deleteIfExists("/a") }
            #expect(try await client.childrenIfExists(of: "/a")?.names == ["b"])
            #expect(try await client.deleteIfExists("/a/b") == true)
        }
    }

    @Test(arguments: ServerKind.allCases) func ancestorsAreCreatedWhereTheyAreMissing(_ kind: ServerKind) async throws {
        try await kind.withClients(1) { clients in
            let client = clients[0]
            try await client.create("/a", data: [1])
            let node = try await client.createWithAncestors("/a/b/c/n-", data: [2], mode: .persistentSequential)
            #expect(node.path.parent == "/a/b/c")
            #expect(try await client.get("/a").data == [1])
            #expect(try await client.get(node.path).data == [2])
            await expectFailure(.nodeExists) { try await client.createWithAncestors("/a/b") }
            try await client.create("/e", mode: .ephemeral)
            await expectFailure(.noChildrenForEphemerals) { try await client.createWithAncestors("/e/f/g") }
            await expectFailure(.invalidArgument) {
                try await client.createWithAncestors("/x/y", ancestorMode: .ephemeral)
            }
            #expect(try await client.exists("/x") == nil)
        }
    }

    @Test func anAncestorThatMayNotBeCreatedIsTheReason() async throws {
        try await ServerKind.real.withClients { clients in
            try await clients[1].create("/shut", accessControl: .readOnly)
            await expectFailure(.noAuth) { try await clients[0].createWithAncestors("/shut/a/b") }
        }
    }

    @Test(arguments: ServerKind.allCases) func updatesOfManyLoseNothing(_ kind: ServerKind) async throws {
        try await kind.withClients(3) { clients in
            try await clients[0].create("/counter", data: [0])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in clients {
                    group.addTask {
                        for _ in 0..<10 { try await client.update("/counter") { [$0.data[0] + 1] } }
                    }
                }
                try await group.waitForAll()
            }
            let counter = try await clients[0].get("/counter")
            #expect(counter.data == [30])
            let stat = try await clients[0].update("/counter") { _ in nil }
            #expect(stat == counter.stat, "left as it is")
            await expectFailure(.noNode) { try await clients[0].update("/none") { $0.data } }
            struct Refusal: Error {}
            await #expect(throws: Refusal.self) { try await clients[0].update("/counter") { _ in throw Refusal() } }
        }
    }

    @Test(arguments: ServerKind.allCases) func childrenComeWithTheirData(_ kind: ServerKind) async throws {
        try await kind.withClients(1) { clients in
            let client = clients[0]
            try await client.create("/many")
            let creates = await client.pipeline(
                (0..<600).map { Create("/many/n-", data: [UInt8($0 % 256)], mode: .persistentSequential) })
            #expect(creates.count == 600 && creates.allSatisfy { (try? $0.get()) != nil })
            let children = try await client.childrenWithData(of: "/many")
            #expect(children.count == 600)
            for result in creates {
                let node = try result.get()
                let number = try #require(Int(node.path.name.suffix(10)))
                #expect(children[node.path.name]?.data == [UInt8(number % 256)])
            }
            await expectFailure(.noNode) { try await client.childrenWithData(of: "/none") }
            #expect(await client.pipeline([GetData]()).isEmpty)
        }
    }

    @Test(arguments: ServerKind.allCases) func aTreeIsDeleted(_ kind: ServerKind) async throws {
        try await kind.withClients { clients in
            let client = clients[0]
            #expect(try await client.deleteTree("/tree") == 0)
            for path: ZNodePath in ["/tree/a/b/c", "/tree/a/d", "/tree/e", "/beside/a"] {
                try await client.createWithAncestors(path)
            }
            try await client.create("/tree/empty", mode: .ephemeral)
            _ = await client.pipeline((0..<450).map { _ in Create("/tree/a/n-", mode: .persistentSequential) })
            await expectFailure(.invalidArgument) { try await client.deleteTree("/tree", upTo: 456) }
            #expect(try await client.children(of: "/tree/a").names.count == 452, "nothing of it")
            #expect(try await client.deleteTree("/tree", upTo: 457) == 457)
            #expect(try await client.exists("/tree") == nil)
            #expect(try await client.exists("/beside/a") != nil)
            await expectFailure(.invalidArgument) { try await client.deleteTree("/") }
        }
    }

    /// Below a chroot or another root, a name like theirs is nothing special.
    @Test(arguments: ServerKind.allCases) func theServersOwnNodesAreNotDeleted(_ kind: ServerKind) async throws {
        try await kind.withClients(1) { clients in
            try await clients[0].create("/below")
            let below = clients[0].rooted(at: "/below")
            for name: ZNodePath in ["/zookeeper/quota/a", "/zookeeper/config"] {
                try await below.createWithAncestors(name)
            }
            #expect(try await below.deleteTree("/zookeeper") == 4)
        }
        let client =
            switch kind {
            case .real: try ZooKeeperClient(ZooKeeperServer.required.configuration)
            case .inMemory: try InMemoryZooKeeper().makeClient()
            }
        try await client.run { client in
            let mark = try ZNodePath("/zookeeper/quota/\(GUIDSource().next())")
            try await client.create(mark)
            for path: ZNodePath in ["/zookeeper", "/zookeeper/quota", "/zookeeper/config"] {
                await expectFailure(.invalidArgument) { try await client.deleteTree(path) }
                let view = client.rooted(at: "/zookeeper")
                guard path != "/zookeeper" else { continue }
                let name = try ZNodePath("/\(path.name)")
                await expectFailure(.invalidArgument) { try await view.deleteTree(name) }
            }
            #expect(try await client.deleteTree(mark) == 1, "nothing of it was deleted")
        }
    }

    @Test func aTreeInWhichOthersCreateIsDeletedAllTheSame() async throws {
        try await ServerKind.real.withClients { clients in
            let (client, other) = (clients[0], clients[1])
            for _ in 0..<5 {
                try await client.createWithAncestors("/tree/a/b")
                async let created = Result { try await other.create("/tree/a/late") }
                _ = try await client.deleteTree("/tree")
                // Before it, it is gone with the rest; after it, it has no parent.
                _ = await created
                #expect(try await client.exists("/tree") == nil)
            }
        }
    }

    // MARK: Limits

    @Test func aLimitEndsACallAndNothingElse() async throws {
        try await ZooKeeperServer.required.withRelayedClient { client, relay in
            try await client.create("/a")
            relay.freezeReplies()
            await expectFailure(.timedOut, execution: .unknown) {
                try await client.within(.milliseconds(50)).set("/a", to: [1])
            }
            let results = await client.within(.milliseconds(50)).pipeline([GetData("/a"), GetData("/b")])
            for result in results { await expectFailure(.timedOut) { try result.get() } }
            let patient = Task { try await client.get("/a") }
            relay.thaw()
            #expect(try await patient.value.data == [1], "it was sent all the same")
            #expect(try await client.within(.seconds(60)).get("/a").data == [1])
        }
    }

    @Test func aLimitIsOverTheWaitForASessionToo() async throws {
        var configuration: ZooKeeperConfiguration = "127.0.0.1:1"
        configuration.connectTimeout = .seconds(3_600)
        try await ZooKeeperClient.withClient(configuration) { client in
            await expectFailure(.timedOut, execution: .notSent) {
                try await client.within(.milliseconds(50)).get("/a")
            }
            await expectFailure(.timedOut) { try await client.within(.zero).get("/a") }
        }
    }

    // MARK: Another root

    @Test(arguments: ServerKind.allCases) func aViewHasAnotherRoot(_ kind: ServerKind) async throws {
        try await kind.withClients(1) { clients in
            let client = clients[0]
            try await client.create("/app")
            let app = client.rooted(at: "/app")
            #expect(try await app.create("/a", data: [1]).path == "/a")
            #expect(try await client.get("/app/a").data == [1])
            #expect(try await app.children(of: "/").names == ["a"])
            let error = await expectFailure(.noNode) { try await app.get("/none") }
            #expect((error as? ZooKeeperError)?.path == "/none")
            let (node, _) = try await app.transaction(Create("/n-", mode: .persistentSequential), Delete("/a"))
            #expect(node.path.parent == "/")
            let (first, second) = await app.pipeline(Exists(node.path), Exists("/a"))
            #expect(try first.get() != nil)
            #expect(try second.get() == nil)
            let watched = try await app.existsWatched("/w")
            try await client.create("/app/w")
            let event = try await watched.watch.event()
            #expect(event.path == "/w")
            #expect(try await app.rooted(at: "/w").create("/deep").path == "/deep")
            #expect(try await client.exists("/app/w/deep") != nil)
            #expect(try await app.within(.seconds(30)).childrenWithData(of: "/w").keys.sorted() == ["deep"])
            #expect(try await app.deleteTree("/w") == 2)
            // The ensemble's own nodes are the same for all.
            _ = try await app.ensembleConfiguration()
        }
    }

    // MARK: Protected nodes

    @Test(arguments: ServerKind.allCases) func aViewMakesProtectedNodesToo(_ kind: ServerKind) async throws {
        try await kind.withClients(1) { clients in
            try await clients[0].create("/app")
            let session = try await clients[0].withSession { $0 }
            for node in [
                try await clients[0].rooted(at: "/app").createProtected("/n-"),
                try await session.rooted(at: "/app").createProtected("/n-"),
            ] {
                #expect(node.path.parent == "/")
                #expect(try await clients[0].exists(node.path.below("/app")) != nil)
            }
            let error = await expectFailure(.noNode) {
                try await clients[0].rooted(at: "/none").createProtected("/n-")
            }
            #expect((error as? ZooKeeperError)?.path?.hasPrefix("/none") == false)
        }
    }

    @Test func aSequentialNodeIsCreatedOnceWhateverHappensToItsAnswer() async throws {
        try await ZooKeeperServer.required.withRelayedClient(sessionTimeout: .seconds(30)) { client, relay, beside in
            try await beside.create("/queue")
            for (index, fault) in [
                RelayFault(.cut, at: .reply(to: .create2)), RelayFault(.cut, at: .request(.create2)),
            ].enumerated() {
                relay.inject(fault)
                let node = try await client.createProtected("/queue/n-", data: [UInt8(index)])
                #expect(node.path.name.hasPrefix("_c_") && node.path.name.contains("-n-"))
                #expect(try await beside.get(node.path).data == [UInt8(index)])
                #expect(node.stat?.ephemeralOwner == client.currentSession?.id)
                #expect(try await beside.children(of: "/queue").names.count == index + 1)
                #expect(relay.pendingFaults == 0)
            }
            await expectFailure(.invalidArgument) { try await client.createProtected("/queue/n-", mode: .ephemeral) }
            await expectFailure(.noNode) { try await client.createProtected("/none/n-") }
        }
    }
}

extension Result where Failure == any Error {
    /// The result of an asynchronous call.
    fileprivate init(_ body: @Sendable () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
