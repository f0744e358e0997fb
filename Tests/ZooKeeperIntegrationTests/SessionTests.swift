// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// Sessions, and calls and bodies in them, when servers and connections fail.
@Suite(.timeLimit(.minutes(5))) struct SessionTests {
    /// Collects the states of a client in the background.
    private func record(_ client: ZooKeeperClient) -> (states: Shared<[SessionState]>, task: Task<Void, Never>) {
        let states = Shared<[SessionState]>([])
        let task = Task {
            for await state in client.states { states.withLock { $0.append(state) } }
        }
        return (states, task)
    }

    @Test func aServerThatComesBackInTimeKeepsTheSession() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperClient.withClient(server.configuration) { client in
                let (states, recording) = record(client)
                let session = try await client.withSession { $0 }
                let id = try #require(session.id)
                try await session.create("/e", mode: .ephemeral)
                await server.kill()
                try await eventually("suspended") {
                    if case .suspended(id, _) = client.sessionState { return true }
                    return false
                }
                try await server.restart()
                try await eventually("connected again") { client.sessionState == .connected(id) }
                let stat = try #require(try await client.exists("/e"))
                #expect(stat.ephemeralOwner == id)
                #expect(session.generation == 1)
                recording.cancel()
                await recording.value
                #expect(!states.value.contains { $0.isFinal })
            }
        }
    }

    @Test func anExpiredSessionIsFollowedByAnother() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperClient.withClient(server.configuration) { client in
                let (states, recording) = record(client)
                let session = try await client.withSession { $0 }
                try await client.create("/e", mode: .ephemeral)
                try await server.expire(session)
                #expect(await session.ended.wait().value == .lost(.expired))
                await expectFailure(.sessionLost) { try await session.exists("/") }
                let next = try await client.withSession { $0 }
                #expect(next.generation == 2)
                #expect(next.id != session.id)
                let stat = try await client.exists("/e")
                #expect(stat == nil)
                recording.cancel()
                await recording.value
                #expect(states.value.last == .connected(try #require(next.id)))
            }
        }
    }

    @Test func aFrozenServerMakesItOverdueAndAThawedOneBringsItBack() async throws {
        try await ZooKeeperServer.withServer { server in
            var configuration = try server.configuration
            configuration.sessionTimeout = .seconds(2)
            configuration.abandonAfter = .seconds(60)
            try await ZooKeeperClient.withClient(configuration) { client in
                let session = try await client.withSession { $0 }
                let id = try #require(session.id)
                server.freeze()
                try await eventually("overdue") { session.state == .overdue(id) }
                server.thaw()
                // Which of the two it is, the server decides: it has slept too.
                try await eventually("back or expired") {
                    session.state == .connected(id) || session.state == .lost(.expired)
                }
                let stat = try await client.exists("/")
                #expect(stat != nil)
            }
        }
    }

    @Test func silenceOfAllServersIsGivenUpInTheEnd() async throws {
        try await ZooKeeperServer.withServer { server in
            var configuration = try server.configuration
            configuration.sessionTimeout = .seconds(1)
            try await ZooKeeperClient.withClient(configuration) { client in
                let session = try await client.withSession { $0 }
                server.freeze()
                #expect(await session.ended.wait().value == .lost(.abandoned))
                await session.released.wait()
                await expectFailure(.sessionLost) { try await session.get("/") }
                server.thaw()
                try await eventually("a new session") {
                    (try? await client.withSession { $0.generation }) ?? 1 > 1
                }
            }
        }
    }

    // MARK: Calls

    @Test func whatWaitsForAConnectionIsSentWhenThereIsOne() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                try await ZooKeeperClient.withClient(relay.configuration) { client in
                    let session = try await client.withSession { $0 }
                    let calls = TrackedCalls()
                    try await relay.whileRefusing {
                        try await eventually("disconnected") { !session.isConnected }
                        calls.issue(10, in: session) {
                            Create(ZNodePath.root.child("n\($0)")).makeRequest()
                        }
                        #expect(calls.answered == 0)
                    }
                    try await eventually("answered") { calls.answered == 10 }
                    #expect(calls.results == ["success": 10])
                }
            }
        }
    }

    @Test func aWriteWhoseAnswerIsLostHasAnUnknownOutcome() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                try await ZooKeeperClient.withClient(relay.configuration) { client in
                    _ = try await client.exists("/")
                    relay.inject(RelayFault(.cut, at: .reply(to: .create2)))
                    let error = await expectFailure(.connectionLoss) { try await client.create("/a") }
                    #expect((error as? ZooKeeperError)?.execution == .unknown)
                    let stat = try await client.exists("/a")
                    #expect(stat != nil, "it was executed")
                    #expect(relay.traffic.requests[.create2] == 1, "and not sent again")
                }
            }
        }
    }

    @Test func aReadWhoseAnswerIsLostIsSentAgain() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                try await ZooKeeperClient.withClient(relay.configuration) { client in
                    try await client.create("/a", data: [1])
                    relay.inject(RelayFault(.cut, at: .reply(to: .getData)))
                    let node = try await client.get("/a")
                    #expect(node.data == [1])
                    #expect(relay.traffic.requests[.getData] == 2)
                }
            }
        }
    }

    @Test func nothingWaitsLongerThanTheRequestTimeout() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                var configuration = try relay.configuration
                configuration.sessionTimeout = .seconds(30)
                configuration.requestTimeout = .milliseconds(200)
                try await ZooKeeperClient.withClient(configuration) { client in
                    let session = try await client.withSession { $0 }
                    try await relay.whileRefusing {
                        try await eventually("disconnected") { !session.isConnected }
                        let write = await expectFailure(.connectionLoss) { try await client.create("/a") }
                        #expect((write as? ZooKeeperError)?.execution == .notSent)
                        await expectFailure(.connectionLoss) { try await client.exists("/") }
                    }
                    // Connecting again may take longer than a request waits.
                    try await eventually("connected again") { session.isConnected }
                    let stat = try await client.exists("/a")
                    #expect(stat == nil)
                }
            }
        }
    }

    @Test func aCancelledCallThatWasNotSentNeverIs() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                try await ZooKeeperClient.withClient(relay.configuration) { client in
                    let session = try await client.withSession { $0 }
                    try await relay.whileRefusing {
                        try await eventually("disconnected") { !session.isConnected }
                        let task = Task { try await session.create("/a") }
                        task.cancel()
                        do {
                            _ = try await task.value
                            Issue.record("not cancelled")
                        } catch let error as ZooKeeperError {
                            #expect(error.code == .cancelled)
                            #expect(error.execution == .notSent)
                        }
                    }
                    let stat = try await session.exists("/a")
                    #expect(stat == nil)
                }
            }
        }
    }

    @Test func cancellingOneCallHarmsNoOther() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperClient.withClient(server.configuration) { client in
                try await client.create("/a")
                server.freeze()
                let victim = Task { try await client.get("/a") }
                let others = (0..<50).map { _ in Task { try await client.get("/a") } }
                victim.cancel()
                await expectFailure(.cancelled) { try await victim.value }
                server.thaw()
                for other in others { _ = try await other.value }
            }
        }
    }

    @Test func aReadOutlivesItsSession() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                try await ZooKeeperClient.withClient(relay.configuration) { client in
                    let session = try await client.withSession { $0 }
                    let read = try await relay.whileRefusing {
                        try await eventually("disconnected") { !session.isConnected }
                        let read = Task { try await client.get("/") }
                        try await server.expire(session)
                        return read
                    }
                    _ = try await read.value
                    #expect(session.state == .lost(.expired))
                }
            }
        }
    }

    // MARK: withSession

    @Test func theBodyIsCancelledWithItsSession() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperClient.withClient(server.configuration) { client in
                let hasEnded = Shared(false)
                await expectFailure(.sessionLost) {
                    try await client.withSession { session in
                        try await server.expire(session)
                        await #expect(throws: CancellationError.self) {
                            try await Task.sleep(for: .seconds(3_600))
                        }
                        hasEnded.withLock { $0 = true }
                    }
                }
                #expect(hasEnded.value)
                #expect(!Task.isCancelled)
            }
        }
    }

    @Test func theBodysOwnErrorAndResultComeThrough() async throws {
        struct Oops: Error {}
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperClient.withClient(server.configuration) { client in
                await #expect(throws: Oops.self) { try await client.withSession { _ in throw Oops() } }
                let generation = try await client.withSession { $0.generation }
                #expect(generation == 1)
            }
        }
    }

    // MARK: Leases

    @Test func heartbeatsToTheLeaderMoveTheDeadline() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                var configuration = try relay.configuration
                configuration.sessionTimeout = .seconds(3)
                try await ZooKeeperClient.withClient(configuration) { client in
                    let session = try await client.withSession { $0 }
                    try await session.sync()
                    let first = session.leasesExpireBy
                    let before = relay.traffic
                    try await eventually("reads go on") { (relay.traffic - before).requests[.exists] ?? 0 >= 3 }
                    #expect(session.leasesExpireBy == first, "reads prove nothing about the leader")
                    session.retainLeaderHeartbeats()
                    try await eventually("moved three times") { (relay.traffic - before).requests[.sync] ?? 0 >= 3 }
                    try await eventually("moved") { session.leasesExpireBy > first }
                    session.releaseLeaderHeartbeats()
                }
            }
        }
    }
}
