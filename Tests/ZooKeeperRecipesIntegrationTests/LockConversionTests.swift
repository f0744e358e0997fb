// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Writers that go on as readers, and readers that try to write.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct LockConversionTests {
    @Test func aWriterGoesOnAsAReader() async throws {
        try await withReadWriteLocks(3) { locks, beside in
            let waiting = Shared<[Task<HeldLock, any Error>]>([])
            try await locks[0].withWriteLock { writer in
                let next = Task { try await locks[1].acquireWriteLock() }
                try await eventually("waits") { try await beside.childNames(of: "/rw").count == 2 }
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
            let rest = try await beside.childNames(of: "/rw").count
            #expect(rest == 0)
        }
    }

    /// The next writer waits for one node only, sees it go, and must look again: there is a reader with its number now.
    @Test(arguments: [ReadWriteLockDialect.curator, .kazoo])
    func theNextWriterWaitsForTheReaderThatWasAWriter(_ dialect: ReadWriteLockDialect) async throws {
        try await withReadWriteLocks(2, dialect) { locks, beside in
            let waiting = Shared<[Task<HeldLock, any Error>]>([])
            let isIn = Shared(false)
            try await locks[0].withWriteLock { _ in
                let next = Task {
                    let held = try await locks[1].acquireWriteLock()
                    isIn.withLock { $0 = true }
                    return held
                }
                try await eventually("waits") { try await beside.childNames(of: "/rw").count == 2 }
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
        try await withReadWriteLocks(2) { locks, beside in
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
            let rest = try await client.childNames(of: "/rw").count
            #expect(rest == 0)
        }
    }

    @Test func aWriterThatFailsDoesNotRead() async throws {
        struct Broken: Error {}
        try await withReadWriteLocks(1) { locks, beside in
            await #expect(throws: Broken.self) {
                try await locks[0].withWriteLock { _ in
                    throw Broken()
                } thenReading: { _, _ in
                    Issue.record("it reads")
                }
            }
            let rest = try await beside.childNames(of: "/rw").count
            #expect(rest == 0)
        }
    }

    @Test func aWriterWhoseNodeWasDeletedDoesNotRead() async throws {
        try await withReadWriteLocks(1) { locks, beside in
            await #expect {
                try await locks[0].withWriteLock { writer in
                    try await beside.delete(writer.nodePath)
                } thenReading: { _, _ in
                    Issue.record("it reads")
                }
            } throws: { ($0 as? LockError)?.loss == .nodeDeleted }
            let rest = try await beside.childNames(of: "/rw").count
            #expect(rest == 0)
        }
    }

    @Test func theOnlyReaderMayWrite() async throws {
        try await withReadWriteLocks(2) { locks, beside in
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
            let rest = try await beside.childNames(of: "/rw").count
            #expect(rest == 0)
        }
    }

    /// Two readers want to write: neither may, neither waits.
    @Test func twoUpgradesDoNotDeadlock() async throws {
        try await withReadWriteLocks(2) { locks, beside in
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
            let rest = try await beside.childNames(of: "/rw").count
            #expect(rest == 0)
        }
    }
}
