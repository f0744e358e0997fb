// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct ReadWriteLockTests {
    @Test(arguments: ServerKind.allCases) func readersShareAndAWriterIsAlone(_ server: ServerKind) async throws {
        try await withReadWriteLocks(3, on: server) { locks, beside in
            let first = try await locks[0].acquireReadLock()
            let second = try await locks[1].acquireReadLock()
            let writer = Task { try await locks[2].acquireWriteLock() }
            try await eventually("the writer waits") { try await beside.childNames(of: "/rw").count == 3 }
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
            let rest = try await beside.childNames(of: "/rw").count
            #expect(rest == 0)
        }
    }

    /// The order is reader, writer, reader, writer: each waits for those that came before it and are in its way.
    @Test func theQueueIsFair() async throws {
        try await withReadWriteLocks(4) { locks, beside in
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
                try await eventually("enqueued") { try await beside.childNames(of: "/rw").count == index + 1 }
            }
            let contenders = try await locks[0].participants()
            #expect(contenders.map(\.kind) == [.shared, .exclusive, .shared, .exclusive])
            #expect(contenders.allSatisfy { $0.id?.isEmpty == false })
            #expect(Set(contenders.map(\.session)).count == 4)
            #expect(order.value == [])
            try await first.release()
            for task in tasks { try await task.value }
            #expect(order.value == ["writer 1", "reader 2", "writer 3"])
        }
    }

    @Test func readersBehindAWriterComeInTogether() async throws {
        try await withReadWriteLocks(4) { locks, beside in
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
            try await eventually("enqueued") { try await beside.childNames(of: "/rw").count == 4 }
            try await writer.release()
            for task in tasks { try await task.value }
        }
    }

    @Test func enteringAgain() async throws {
        try await withReadWriteLocks(1) { locks, beside in
            let lock = locks[0]
            try await lock.withWriteLock { writer in
                try await lock.withReadLock { #expect($0.fencingToken == writer.fencingToken) }
                try await lock.withWriteLock { #expect($0.fencingToken == writer.fencingToken) }
                let nodes = try await beside.childNames(of: "/rw").count
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
        try await withReadWriteLocks(4) { locks, beside in
            let reader = try await locks[0].acquireReadLock()
            let leaving = Task { try await locks[1].acquireWriteLock() }
            try await eventually("waits") { try await beside.childNames(of: "/rw").count == 2 }
            let late = Task { try await locks[2].acquireReadLock() }
            try await eventually("waits") { try await beside.childNames(of: "/rw").count == 3 }
            leaving.cancel()
            let held = try await late.value
            let result = await leaving.result
            #expect(throws: LockError.self) { try result.get() }
            try await reader.release()
            try await held.release()
        }
    }

    /// The nodes of Curator 5.5 and later when a writer becomes a reader: a plain ephemeral reader's node with the
    /// writer's digits, which is created after those behind it have listed the queue.
    @Test func aWriterThatBecameAReaderStillBlocksTheNextWriter() async throws {
        try await withReadWriteLocks(1) { locks, beside in
            try await beside.create("/rw")
            let protectedPrefix: ZNodePath = "/rw/_c_18cd1f3e-7f5e-4c0e-9d0b-0f6c5d2e1a3b-__WRIT__"
            let curators = try await beside.create(protectedPrefix, data: [1], mode: .ephemeralSequential).path
            let writer = Task { try await locks[0].acquireWriteLock() }
            try await eventually("waits") { try await beside.childNames(of: "/rw").count == 2 }
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
}
