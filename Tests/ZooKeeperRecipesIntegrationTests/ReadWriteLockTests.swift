import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct ReadWriteLockTests {
    private func withLocks(
        _ count: Int, _ dialect: ReadWriteLockDialect = .curator,
        _ body: ([ZooKeeperReadWriteLock], _ beside: ZooKeeperClient) async throws -> Void
    ) async throws {
        var settings = ZooKeeperReadWriteLock.Configuration()
        settings.dialect = dialect
        let server = try ZooKeeperServer.required
        let directory = try await server.makeDirectory()
        var configuration = try server.configuration
        configuration.chroot = directory
        configuration.sessionTimeout = .seconds(30)
        try await withClients(count + 1, configuration) { clients in
            let locks = clients.dropLast().map { ZooKeeperReadWriteLock($0, at: "/rw", configuration: settings) }
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
            try await first.release()
            let stillRefused = try await locks[0].withReadLockIfAvailable { _ in true }
            #expect(stillRefused == nil, "a writer waits")
            try await second.release()
            let held = try await writer.value
            #expect(held.lease.fencingToken > second.lease.fencingToken)
            let alone = try await locks[0].withReadLockIfAvailable { _ in true }
            #expect(alone == nil)
            try await held.release()
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
            let contenders = try await locks[0].participants()
            #expect(contenders.map(\.kind) == [.shared, .exclusive, .shared, .exclusive])
            #expect(contenders.allSatisfy { !$0.id.isEmpty })
            #expect(Set(contenders.map(\.session)).count == 4)
            #expect(order.value == [])
            try await first.release()
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
            try await writer.release()
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
            try await reader.release()
            try await held.release()
        }
    }

    /// What Curator 5.5 and later leave when a writer becomes a reader: a plain ephemeral reader's node with the writer's
    /// digits, which comes after those behind it have looked.
    @Test func aWriterThatBecameAReaderStillBlocksTheNextWriter() async throws {
        try await withLocks(1) { locks, beside in
            try await beside.create("/rw")
            let protectedPrefix: ZNodePath = "/rw/_c_18cd1f3e-7f5e-4c0e-9d0b-0f6c5d2e1a3b-__WRIT__"
            let curators = try await beside.create(protectedPrefix, data: [1], mode: .ephemeralSequential).path
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
            let contenders = try await locks[0].participants()
            #expect(contenders.map(\.path).first == reader)
            try await beside.delete(reader)
            let held = try await writer.value
            #expect(contenders.map(\.path).last == held.lease.nodePath)
            try await held.release()
        }
    }

    // MARK: From writer to reader, and back

    @Test func aWriterGoesOnAsAReader() async throws {
        try await withLocks(3) { locks, beside in
            let waiting = Shared<[Task<HeldLock, any Error>]>([])
            try await locks[0].withWriteLock { writer in
                let next = Task { try await locks[1].acquireWriteLock() }
                try await eventually("waits") { try await inLine(beside) == 2 }
                waiting.withLock { $0 = [next] }
                return (writer.fencingToken, writer.nodePath)
            } thenReading: { reader, written in
                #expect(reader.fencingToken == written.0)
                try reader.checkHeld()
                try await reader.verify()
                #expect(reader.nodePath.string == written.1.string.replacing("-__WRIT__", with: "-__READ__"))
                let gone = try await beside.exists(written.1)
                #expect(gone == nil)
                // The writer behind still waits, and a reader comes behind it.
                let contenders = try await locks[0].participants()
                #expect(contenders.map(\.kind) == [.shared, .exclusive])
                let none = try await locks[2].withReadLockIfAvailable { _ in true }
                #expect(none == nil)
            }
            let next = try #require(waiting.value.first)
            let held = try await next.value
            try await held.release()
            let rest = try await inLine(beside)
            #expect(rest == 0)
        }
    }

    /// The next writer waits for one node only, sees it go, and must look again: there is a reader with its number now.
    @Test(arguments: [ReadWriteLockDialect.curator, .kazoo])
    func theNextWriterWaitsForTheReaderThatWasAWriter(_ dialect: ReadWriteLockDialect) async throws {
        try await withLocks(2, dialect) { locks, beside in
            let waiting = Shared<[Task<HeldLock, any Error>]>([])
            let isIn = Shared(false)
            try await locks[0].withWriteLock { _ in
                let next = Task {
                    let held = try await locks[1].acquireWriteLock()
                    isIn.withLock { $0 = true }
                    return held
                }
                try await eventually("waits") { try await inLine(beside) == 2 }
                // Its watches are set, too: what follows is the event and not the first look.
                try await beside.sync()
                waiting.withLock { $0 = [next] }
            } thenReading: { _, _ in
                let contenders = try await locks[0].participants()
                #expect(contenders.map(\.kind) == [.shared, .exclusive])
                // A round trip behind the event that it has got.
                for _ in 0..<20 { try await beside.sync() }
                #expect(!isIn.value)
            }
            let held = try await #require(waiting.value.first).value
            try await held.release()
        }
    }

    @Test func readersComeInWhenAWriterGoesOnAsAReader() async throws {
        try await withLocks(2) { locks, beside in
            try await locks[0].withWriteLock { _ in
            } thenReading: { _, _ in
                let both = try await locks[1].withReadLockIfAvailable { _ in true }
                #expect(both == true)
            }
        }
    }

    /// The answer to the exchange is lost: the names say what became of it.
    @Test(arguments: [true, false])
    func anExchangeOfUnknownOutcomeIsResolved(_ isExecuted: Bool) async throws {
        try await ZooKeeperServer.required.withRelayedClient { client, relay in
            let lock = ZooKeeperReadWriteLock(client, at: "/rw")
            try await lock.withWriteLock { _ in
                relay.inject(RelayFault(.cut, at: isExecuted ? .reply(to: .multi) : .request(.multi)))
            } thenReading: { reader, _ in
                #expect(relay.pendingFaults == 0)
                try await reader.verify()
                let contenders = try await lock.participants()
                #expect(contenders.map(\.kind) == [.shared])
            }
            let rest = try await inLine(client)
            #expect(rest == 0)
        }
    }

    @Test func aWriterThatFailsDoesNotRead() async throws {
        struct Broken: Error {}
        try await withLocks(1) { locks, beside in
            await #expect(throws: Broken.self) {
                try await locks[0].withWriteLock { _ in
                    throw Broken()
                } thenReading: { _, _ in
                    Issue.record("it reads")
                }
            }
            let rest = try await inLine(beside)
            #expect(rest == 0)
        }
    }

    @Test func aWriterWhoseNodeWasDeletedDoesNotRead() async throws {
        try await withLocks(1) { locks, beside in
            await #expect {
                try await locks[0].withWriteLock { writer in
                    try await beside.delete(writer.nodePath)
                } thenReading: { _, _ in
                    Issue.record("it reads")
                }
            } throws: { ($0 as? LockError)?.loss == .nodeDeleted }
            let rest = try await inLine(beside)
            #expect(rest == 0)
        }
    }

    @Test func theOnlyReaderMayWrite() async throws {
        try await withLocks(2) { locks, beside in
            try await locks[0].withReadLock { reader in
                let token = try await locks[0].withWriteLockIfAvailable { writer in
                    #expect(writer.fencingToken > reader.fencingToken)
                    let none = try await locks[1].withReadLockIfAvailable { _ in true }
                    #expect(none == nil)
                    return writer.fencingToken
                }
                #expect(token != nil)
                try reader.checkHeld()
                let again = try await locks[1].withReadLockIfAvailable { _ in true }
                #expect(again == true)
            }
            let rest = try await inLine(beside)
            #expect(rest == 0)
        }
    }

    /// Two readers want to write: neither may, neither waits.
    @Test func twoUpgradesDoNotDeadlock() async throws {
        try await withLocks(2) { locks, beside in
            let inside = Shared(0)
            let tried = Shared(0)
            try await withThrowingTaskGroup(of: Bool?.self) { group in
                for lock in locks {
                    group.addTask {
                        try await lock.withReadLock { _ in
                            inside.withLock { $0 += 1 }
                            try await eventually("both read") { inside.value == 2 }
                            let result = try await lock.withWriteLockIfAvailable { _ in true }
                            tried.withLock { $0 += 1 }
                            try await eventually("both have tried") { tried.value == 2 }
                            return result
                        }
                    }
                }
                for try await result in group { #expect(result == nil) }
            }
            let rest = try await inLine(beside)
            #expect(rest == 0)
        }
    }
}
