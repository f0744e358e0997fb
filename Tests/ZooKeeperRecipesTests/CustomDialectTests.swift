// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Locks whose nodes have names of the user's own.
@Suite(.timeLimit(.minutes(1))) struct CustomDialectTests {
    private func lock(_ client: ZooKeeperClient, _ dialect: LockDialect) -> ZooKeeperLock {
        ZooKeeperLock(client, at: "/a", configuration: .init(dialect: dialect))
    }

    @Test func theMarkerStandsBetweenGUIDAndDigits() async throws {
        try await InMemoryZooKeeper().withClient { client in
            let held = try await lock(client, .custom("-mutex-")).acquire()
            let name = held.lease.nodePath.name
            #expect(name.hasSuffix("-mutex-0000000000"))
            let guid = name.dropLast("-mutex-0000000000".count)
            #expect(guid.count == 32 && guid.allSatisfy(\.isHexDigit))
            try await held.release()
        }
    }

    @Test func itExcludesOthersOfTheSameMarkerOnly() async throws {
        let server = InMemoryZooKeeper()
        try await server.withClient { first in
            try await server.withClient { second in
                let held = try await lock(first, .custom("-mutex-")).acquire()
                #expect(try await lock(second, .custom("-mutex-")).withLockIfAvailable { _ in } == nil)
                // Neither knows the other's, and both are refused, whichever comes first.
                for other in [LockDialect.custom("-other-"), .curator, .kazoo] {
                    let error = await #expect(throws: LockError.self) {
                        try await lock(second, other).withLockIfAvailable { _ in }
                    }
                    #expect(error?.code == .mixedKinds)
                    #expect(error?.foreignNode == held.lease.nodePath.name)
                }
                try await held.release()
                let others = try await lock(second, .curator).acquire()
                await #expect(throws: LockError.self) { try await lock(first, .custom("-mutex-")).acquire() }
                try await others.release()
                #expect(try await lock(second, .custom("-mutex-")).withLockIfAvailable { _ in } != nil)
            }
        }
    }

    @Test func oneThatRecognisesAnotherWaitsForIt() async throws {
        let server = InMemoryZooKeeper()
        try await server.withClient { first in
            try await server.withClient { second in
                let held = try await lock(first, .curator).acquire()
                let both = LockDialect.custom("-mutex-").alsoRecognising(.curator)
                #expect(try await lock(second, both).withLockIfAvailable { _ in } == nil)
                try await held.release()
                // Ours are named as before, so Curator's would not wait for them, and are refused.
                let ours = try await lock(second, both).acquire()
                await #expect {
                    try await lock(first, .curator).withLockIfAvailable { _ in }
                } throws: { LockError.Code.mixedKinds ~= $0 }
                try await ours.release()
            }
        }
    }
}

/// The candidates of an election as a stream.
@Suite(.timeLimit(.minutes(1))) struct CandidateUpdatesTests {
    @Test func candidatesComeAndGo() async throws {
        let server = InMemoryZooKeeper()
        try await server.withClient { client in
            try await server.withClient { other in
                let election = ZooKeeperElection(client, at: "/e", configuration: .init(id: "first"))
                let next = ZooKeeperElection(other, at: "/e", configuration: .init(id: "next"))
                var updates = election.participantUpdates.makeAsyncIterator()
                #expect(try await updates.next() == [])
                let leading = try await election.acquireLeadership()
                #expect(try await updates.next()?.map(\.id) == ["first"])
                let position = QueuePosition()
                let waiting = Task { try await next.acquireLeadership(position: position).release() }
                _ = await position.enqueued()
                #expect(try await updates.next()?.map(\.id) == ["first", "next"])
                try await leading.release()
                _ = try await waiting.value
                // States in between may be skipped; the last one is not.
                while let candidates = try await updates.next(), !candidates.isEmpty {
                    #expect(candidates.map(\.id) == ["next"])
                }
            }
        }
    }
}
