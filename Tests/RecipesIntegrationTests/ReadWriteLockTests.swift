import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct ReadWriteLockTests {
    private func withLocks(
        _ count: Int, _ body: ([ZooKeeperReadWriteLock], _ beside: ZooKeeperClient) async throws -> Void
    ) async throws {
        let server = try ZooKeeperServer.required
        let directory = try await server.makeDirectory()
        var configuration = try server.configuration
        configuration.chroot = directory
        configuration.sessionTimeout = .seconds(30)
        try await withClients(count + 1, configuration) { clients in
            let locks = clients.dropLast().map { ZooKeeperReadWriteLock($0, at: "/rw") }
            try await body(locks, try #require(clients.last))
        }
    }

    private func withClients(
        _ count: Int, _ configuration: ZooKeeperConfiguration, _ clients: [ZooKeeperClient] = [],
        _ body: ([ZooKeeperClient]) async throws -> Void
    ) async throws {
        guard count > clients.count else { return try await body(clients) }
        try await ZooKeeperClient.withClient(configuration) { client in
            try await withClients(count, configuration, clients + [client], body)
        }
    }

    private func inLine(_ client: ZooKeeperClient) async throws -> Int {
        guard try await client.exists("/rw") != nil else { return 0 }
        return try await client.children(of: "/rw").names.count
    }

    @Test func readersShareAndAWriterIsAlone() async throws {
        try await withLocks(3) { locks, beside in
            let first = try await locks[0].acquireReadLock()
            let second = try await locks[1].acquireReadLock()
            let writer = Task { try await locks[2].acquireWriteLock() }
            try await eventually("the writer waits") { try await inLine(beside) == 3 }
            let refused = try await locks[0].withWriteLockIfAvailable { _ in true }
            #expect(refused == nil)
            await first.release()
            let stillRefused = try await locks[0].withReadLockIfAvailable { _ in true }
            #expect(stillRefused == nil, "a writer waits")
            await second.release()
            let held = try await writer.value
            #expect(held.lease.fencingToken > second.lease.fencingToken)
            let alone = try await locks[0].withReadLockIfAvailable { _ in true }
            #expect(alone == nil)
            await held.release()
            let free = try await locks[0].withReadLockIfAvailable { _ in true }
            #expect(free == true)
            let rest = try await inLine(beside)
            #expect(rest == 0)
        }
    }

    /// Reader, writer, reader, writer: each waits for what came before it and is in its way.
    @Test func theLineIsFair() async throws {
        try await withLocks(4) { locks, beside in
            let order = Shared<[String]>([])
            let first = try await locks[0].acquireReadLock()
            var tasks: [Task<Void, any Error>] = []
            for (index, name) in [(1, "writer 1"), (2, "reader 2"), (3, "writer 3")] {
                tasks.append(
                    Task {
                        let body: (LockLease) async throws -> Void = { _ in order.withLock { $0.append(name) } }
                        if index == 2 {
                            try await locks[index].withReadLock(body)
                        } else {
                            try await locks[index].withWriteLock(body)
                        }
                    })
                try await eventually("in line") { try await inLine(beside) == index + 1 }
            }
            let contenders = try await locks[0].contenders()
            #expect(contenders.map(\.kind) == [.shared, .exclusive, .shared, .exclusive])
            #expect(contenders.allSatisfy { !$0.id.isEmpty })
            #expect(Set(contenders.map(\.session)).count == 4)
            #expect(order.value == [])
            await first.release()
            for task in tasks { try await task.value }
            #expect(order.value == ["writer 1", "reader 2", "writer 3"])
        }
    }

    @Test func readersBehindAWriterComeInTogether() async throws {
        try await withLocks(4) { locks, beside in
            let writer = try await locks[0].acquireWriteLock()
            let inside = Shared(0)
            let tasks = (1...3).map { index in
                Task {
                    try await locks[index].withReadLock { _ in
                        inside.withLock { $0 += 1 }
                        try await eventually("all are inside") { inside.value == 3 }
                    }
                }
            }
            try await eventually("in line") { try await inLine(beside) == 4 }
            await writer.release()
            for task in tasks { try await task.value }
        }
    }

    @Test func enteringAgain() async throws {
        try await withLocks(1) { locks, beside in
            let lock = locks[0]
            try await lock.withWriteLock { writer in
                try await lock.withReadLock { #expect($0.fencingToken == writer.fencingToken) }
                try await lock.withWriteLock { #expect($0.fencingToken == writer.fencingToken) }
                let nodes = try await inLine(beside)
                #expect(nodes == 1)
            }
            try await lock.withReadLock { reader in
                try await lock.withReadLock { #expect($0.fencingToken == reader.fencingToken) }
                await #expect { try await lock.withWriteLock { _ in } } throws: {
                    LockError.Code.heldByEnclosingScope ~= $0
                }
                await #expect { try await lock.acquireWriteLock() } throws: {
                    LockError.Code.heldByEnclosingScope ~= $0
                }
            }
        }
    }

    /// A reader whose writer in front gives up is woken; one behind a writer that stays is not.
    @Test func aWriterThatGivesUpLetsReadersIn() async throws {
        try await withLocks(4) { locks, beside in
            let reader = try await locks[0].acquireReadLock()
            let leaving = Task { try await locks[1].acquireWriteLock() }
            try await eventually("waits") { try await inLine(beside) == 2 }
            let late = Task { try await locks[2].acquireReadLock() }
            try await eventually("waits") { try await inLine(beside) == 3 }
            leaving.cancel()
            let held = try await late.value
            let result = await leaving.result
            #expect(throws: LockError.self) { try result.get() }
            await reader.release()
            await held.release()
        }
    }

    /// What Curator 5.5 and later leave when a writer becomes a reader: a plain ephemeral reader's node with the writer's
    /// digits, which comes after those behind it have looked.
    @Test func aWriterThatBecameAReaderStillBlocksTheNextWriter() async throws {
        try await withLocks(1) { locks, beside in
            try await beside.create("/rw")
            let stem: ZNodePath = "/rw/_c_18cd1f3e-7f5e-4c0e-9d0b-0f6c5d2e1a3b-__WRIT__"
            let curators = try await beside.create(stem, data: [1], mode: .ephemeralSequential).path
            let writer = Task { try await locks[0].acquireWriteLock() }
            try await eventually("waits") { try await inLine(beside) == 2 }
            let reader = try ZNodePath(curators.string.replacing("__WRIT__", with: "__READ__"))
            try await beside.create(reader, data: [1], mode: .ephemeral)
            try await beside.delete(curators)
            // It looks again and waits for the reader now; another reader comes in.
            let watched = try await beside.existsWatched(reader)
            #expect(watched.value != nil)
            let none = try await locks[0].withReadLockIfAvailable { _ in true }
            #expect(none == nil, "the writer waits in front")
            let contenders = try await locks[0].contenders()
            #expect(contenders.map(\.path).first == reader)
            try await beside.delete(reader)
            let held = try await writer.value
            #expect(contenders.map(\.path).last == held.lease.nodePath)
            await held.release()
        }
    }
}
