// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// What others see of those in a queue, and what they may do to them.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct ParticipantTests {
    private static let bob = Credential.digest(user: "bob", password: "sesame")

    /// A lock whose nodes only its own identity can read.
    private func secretive(_ client: ZooKeeperClient) -> ZooKeeperLock {
        var configuration = ZooKeeperLock.Configuration()
        configuration.accessControl = .creatorAll
        configuration.directoryAccessControl = .open
        return ZooKeeperLock(client, at: "/a", configuration: configuration)
    }

    @Test func allIsKnownOfAParticipantThatCanBeRead() async throws {
        try await ServerKind.real.withClients { clients in
            let lock = ZooKeeperLock(clients[0], at: "/a")
            try await lock.withLock { lease in
                let only = try #require(try await ZooKeeperLock(clients[1], at: "/a").participants().first)
                let stat = try #require(try await clients[1].exists(lease.nodePath))
                #expect(only.id == ProcessIdentity.description)
                #expect(only.since == stat.ctime)
                #expect(only.fencingToken == lease.fencingToken)
                #expect(only.session == clients[0].currentSession?.id)
            }
        }
    }

    @Test func oneThatCannotBeReadHidesNobody() async throws {
        try await ServerKind.real.withClients(3) { clients in
            try await clients[0].authenticate(Self.bob)
            let held = try await secretive(clients[0]).acquire()
            let lock = ZooKeeperLock(clients[1], at: "/a")
            // It cannot wait behind a node that it cannot read; but it can be seen.
            try await clients[1].create(
                ZNodePath("/a/_c_\(GUIDSource().next())-lock-"), data: Array("second".utf8), mode: .ephemeralSequential)
            let seen = try await lock.participants()
            #expect(seen.map(\.id) == [nil, "second"])
            #expect(seen[0].path == held.lease.nodePath)
            #expect(seen[0].since == nil && seen[0].session == nil && seen[0].fencingToken == nil)
            #expect(seen[0].kind == .exclusive)
            var updates = lock.participantUpdates.makeAsyncIterator()
            #expect(try await updates.next()?.map(\.id) == [nil, "second"])
            try await held.release()
            #expect(try await updates.next()?.map(\.id) == ["second"], "the stream goes on")
        }
    }

    @Test func aLeaderThatCannotBeReadIsOne() async throws {
        try await ServerKind.real.withClients { clients in
            try await clients[0].authenticate(Self.bob)
            var configuration = ZooKeeperElection.Configuration()
            configuration.accessControl = .creatorAll
            configuration.directoryAccessControl = .open
            let candidate = ZooKeeperElection(clients[0], at: "/a", configuration: configuration)
            let election = ZooKeeperElection(clients[1], at: "/a")
            var leaders = election.leaders.makeAsyncIterator()
            #expect(try await leaders.next() == .some(nil))
            let held = try await candidate.acquireLeadership()
            let leader = try #require(try await leaders.next())
            #expect(leader?.path == held.lease.nodePath && leader?.id == nil)
            #expect(try await election.leader()?.path == held.lease.nodePath)
            try await held.release()
            #expect(try await leaders.next() == .some(nil))
        }
    }

    // MARK: Belonging to a queue

    @Test func aParticipantOfAnotherQueueIsRefused() async throws {
        try await ServerKind.real.withClients { clients in
            let client = clients[0]
            let latch = try await ZooKeeperElection(client, at: "/election").acquireLeadership()
            let candidate = try #require(try await ZooKeeperElection(client, at: "/election").leader())
            let before = try await client.get(candidate.path)
            await expectFailure(.invalidArgument) {
                try await ZooKeeperLock(client, at: "/lock").requestRevocation(of: candidate)
            }
            // Nor at the same path: a latch must never be written to.
            await expectFailure(.invalidArgument) {
                try await ZooKeeperLock(client, at: "/election").requestRevocation(of: candidate)
            }
            await expectFailure(.invalidArgument) {
                try await ZooKeeperReadWriteLock(client, at: "/election").requestRevocation(of: candidate)
            }
            #expect(try await client.get(candidate.path) == before)
            let held = try await ZooKeeperLock(client, at: "/lock").acquire()
            let holder = try #require(try await ZooKeeperLock(client, at: "/lock").participants().first)
            await expectFailure(.invalidArgument) {
                try await ZooKeeperElection(client, at: "/election").depose(holder)
            }
            try held.lease.checkHeld()
            #expect(try await ZooKeeperElection(client, at: "/election").depose(candidate))
            try await held.release()
            _ = await latch.loss()
        }
    }

    // MARK: Who was in the way

    @Test func aTimedOutWaitNamesTheHolder() async throws {
        try await ServerKind.real.withClients(3) { clients in
            var first = ZooKeeperLock.Configuration(id: "the first")
            first.release = .acknowledged
            let held = try await ZooKeeperLock(clients[0], at: "/a", configuration: first).acquire()
            let stat = try #require(try await clients[0].exists(held.lease.nodePath))
            func expectHolder(_ client: ZooKeeperClient) async throws {
                let error = try await errorOfTimedOutWait { limit in
                    try await ZooKeeperLock(client, at: "/a").withLock(waitingUpTo: limit) { _ in }
                }
                #expect(error.holder == held.lease.nodePath.name)
                #expect(error.holderID == "the first")
                #expect(error.holderSince == stat.ctime)
                let since = UTCTime(millisecondsSince1970: stat.ctime)
                #expect("\(error)".contains("held by the first") && "\(error)".contains("\(since)"))
            }
            try await expectHolder(clients[1])
            // Also if others are between.
            let client = clients[1]
            let waiting = Task { try await ZooKeeperLock(client, at: "/a").acquire() }
            try await clients[0].waitForQueue(at: "/a", of: 2)
            try await expectHolder(clients[2])
            try await held.release()
            try await waiting.value.release()
        }
    }

    /// It stands where the name was.
    @Test func aRequestedRevocationIsNoName() async throws {
        try await ServerKind.real.withClients { clients in
            let held = try await ZooKeeperLock(clients[0], at: "/a").acquire()
            let lock = ZooKeeperLock(clients[1], at: "/a")
            let holder = try #require(try await lock.participants().first)
            #expect(holder.id != nil)
            #expect(try await lock.requestRevocation(of: holder))
            let asked = try #require(try await lock.participants().first)
            #expect(asked.id == nil)
            #expect(asked.since == holder.since && asked.path == holder.path)
            let error = await #expect(throws: LockError.self) {
                try await lock.withLock(waitingUpTo: .milliseconds(200)) { _ in }
            }
            #expect(error?.holderID == nil)
            #expect(error?.holder == held.lease.nodePath.name)
            #expect(error?.underlying == nil, "nothing is wrong with the connection")
            try await held.release()
        }
    }
}
