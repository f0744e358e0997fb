// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Reentry: the task that runs the body may enter its lock again, and no task that has inherited from it may.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct ReentryTests {
    private func withLock(_ body: (ZooKeeperClient, ZooKeeperLock) async throws -> Void) async throws {
        try await ZooKeeperServer.required.withClient { client in
            try await body(client, ZooKeeperLock(client, at: "/a"))
        }
    }

    private func expectHeldByEnclosingScope(
        sourceLocation: SourceLocation = #_sourceLocation, isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> some Any
    ) async {
        await #expect(sourceLocation: sourceLocation) {
            _ = try await body()
        } throws: { LockError.Code.heldByEnclosingScope ~= $0 }
    }

    @Test func theBodyEntersAgainWithTheSameToken() async throws {
        try await withLock { client, lock in
            try await lock.withLock { outer in
                let inner = try await ZooKeeperLock(client, at: "/a").withLock { inner in
                    #expect(inner.fencingToken == outer.fencingToken)
                    let again = try await lock.withLockIfAvailable { $0.fencingToken }
                    #expect(again == outer.fencingToken)
                    let names = try await client.children(of: "/a").names
                    #expect(names.count == 1)
                    return inner
                }
                #expect { try inner.checkHeld() } throws: { LockError.Code.scopeEnded ~= $0 }
                try outer.checkHeld()
            }
        }
    }

    /// The two paths' texts are equal for Swift, and two locks for ZooKeeper: the holder of the first does not enter
    /// the second.
    @Test func notTheLockWithTheDecomposedName() async throws {
        try await withLock { client, _ in
            try await ZooKeeperLock(client, at: "/\u{E9}").withLock { outer in
                try await ZooKeeperLock(client, at: "/e\u{301}").withLock { inner in
                    #expect(inner.fencingToken > outer.fencingToken)
                    let names = try await client.children(of: "/e\u{301}").names
                    #expect(names.count == 1)
                }
            }
        }
    }

    @Test func throughAnotherLocksScopeToo() async throws {
        try await withLock { client, lock in
            let other = ZooKeeperLock(client, at: "/b")
            try await lock.withLock { outer in
                try await other.withLock { _ in
                    try await lock.withLock { inner in #expect(inner.fencingToken == outer.fencingToken) }
                    let inSession = try await client.withSession { _ in
                        try await lock.withLock { inner in inner.fencingToken }
                    }
                    #expect(inSession == outer.fencingToken)
                }
                try await lock.withLock { _ in }
            }
        }
    }

    @Test func tasksBesideTheBodyDoNot() async throws {
        try await withLock { client, lock in
            try await lock.withLock { _ in
                await expectHeldByEnclosingScope {
                    async let child: Void = lock.withLock { _ in Issue.record("two inside") }
                    try await child
                }
                await expectHeldByEnclosingScope {
                    try await Task { try await lock.withLock { _ in Issue.record("two inside") } }.value
                }
                await expectHeldByEnclosingScope {
                    try await withThrowingTaskGroup(of: Int.self) { group in
                        group.addTask { try await lock.withLock { _ in 1 } }
                        for try await _ in group { Issue.record("two inside") }
                    }
                }
                await expectHeldByEnclosingScope {
                    try await Task { try await lock.withLockIfAvailable { _ in } }.value
                }
                await expectHeldByEnclosingScope { try await Task { try await lock.acquire() }.value }
            }
        }
    }

    @Test func aTaskStartedFromANestedScopeDoesNotEither() async throws {
        try await withLock { client, lock in
            let other = ZooKeeperLock(client, at: "/b")
            try await lock.withLock { _ in
                let task = Task {
                    // It may have a lock of its own, and is still beside the outer one.
                    try await other.withLock { _ in
                        await expectHeldByEnclosingScope { try await lock.withLock { _ in } }
                        try await other.withLock { _ in }
                    }
                }
                try await task.value
            }
        }
    }

    @Test func acquiringByHandDoesNotEnterAgain() async throws {
        try await withLock { _, lock in
            try await lock.withLock { _ in await expectHeldByEnclosingScope { try await lock.acquire() } }
        }
    }

    @Test func aDetachedTaskIsEnqueued() async throws {
        try await withLock { client, lock in
            let order = Shared<[String]>([])
            let detached = try await lock.withLock { _ in
                let task = Task.detached {
                    try await lock.withLock { _ in order.withLock { $0.append("detached") } }
                }
                try await eventually("enqueued") { try await client.children(of: "/a").names.count == 2 }
                order.withLock { $0.append("body") }
                return task
            }
            try await detached.value
            #expect(order.value == ["body", "detached"])
        }
    }

    @Test func aTaskThatOutlivesTheScopeIsEnqueued() async throws {
        try await withLock { _, lock in
            let scopeHasEnded = Promise<Void>()
            let task = try await lock.withLock { _ in
                Task {
                    await scopeHasEnded.wait()
                    return try await lock.withLock { _ in 3 }
                }
            }
            scopeHasEnded.fulfil(())
            #expect(try await task.value == 3)
        }
    }

    @Test func aLockThatWasLostIsNotEnteredAgain() async throws {
        try await withLock { client, lock in
            await #expect {
                try await lock.withLock { lease in
                    try await client.delete(lease.nodePath)
                    try await eventually("lost") { (try? lease.checkHeld()) == nil }
                    try await lock.withLock { _ in Issue.record("entered") }
                }
            } throws: { LockError.Code.lost ~= $0 }
        }
    }

    @Test func anotherClientOrPathIsAnotherLock() async throws {
        let server = try ZooKeeperServer.required
        try await withLock { client, lock in
            try await server.withClient(in: client.configuration.chroot) { other in
                try await lock.withLock { _ in
                    let theirs = try await ZooKeeperLock(other, at: "/a").withLockIfAvailable { _ in 1 }
                    #expect(theirs == nil)
                    try await ZooKeeperLock(client, at: "/b").withLock { _ in }
                }
            }
        }
    }

    /// A task that was started from a nested scope lives on when that scope's task is gone, and so may get tasks with
    /// its identity. None of them enters the outer lock.
    @Test func aTaskThatOutlivesANestedScopeEntersNothing() async throws {
        try await withLock { client, lock in
            let other = ZooKeeperLock(client, at: "/b")
            try await lock.withLock { _ in
                for _ in 0..<50 {
                    let start = Promise<Void>()
                    let left = try await other.withLock { _ in
                        Task {
                            await start.wait()
                            // Whether its body runs in a task with the identity of the one that is gone, chance
                            // decides: this shows that nothing is granted, not that the identity was met.
                            return try await other.withLock { _ in
                                do {
                                    return try await lock.withLock { _ in "entered" }
                                } catch let error as LockError {
                                    return "\(error.code)"
                                }
                            }
                        }
                    }
                    start.fulfil(())
                    let result = try await left.value
                    #expect(result == "heldByEnclosingScope")
                }
            }
        }
    }
}
