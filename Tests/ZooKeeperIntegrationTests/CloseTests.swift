// SPDX-License-Identifier: Apache-2.0

import Dispatch
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// Every end of a session leaves nothing behind, and every call is answered exactly once.
@Suite(.timeLimit(.minutes(5))) struct CloseTests {
    enum End: CaseIterable, Sendable {
        case close
        case closeWhileFrozen
        case closeWhileDown
        case closeTwice
        case expiry
        case serverKilled
    }

    @Test(arguments: End.allCases, [0, 1, 50, 10_000])
    func everyCallReturnsOnceAndNothingIsLeft(_ end: End, _ count: Int) async throws {
        try await ZooKeeperServer.withServer { server in
            var configuration = try server.configuration
            configuration.sessionTimeout = .seconds(3)
            let calls = TrackedCalls()
            weak var released: ZooKeeperSession?
            try await ZooKeeperClient.withClient(configuration) { client in
                let session = try await client.withSession { $0 }
                released = session
                try await session.create("/a")
                if end == .closeWhileFrozen { server.freeze() }
                if end == .closeWhileDown {
                    await server.kill()
                    try await eventually("disconnected") { !session.isConnected }
                }
                calls.issue(count, in: session) { index in
                    switch index % 4 {
                    case 0: Create("/n-", data: [1, 2, 3], mode: .ephemeralSequential).makeRequest()
                    case 1: GetData("/a").makeRequest()
                    case 2: TransactionList([Check("/a"), SetData("/a", to: [1])]).makeRequest()
                    default: GetChildren("/").makeRequest()
                    }
                }
                switch end {
                case .close, .closeWhileFrozen, .closeWhileDown: await session.close()
                case .closeTwice:
                    async let first: Void = session.close()
                    async let second: Void = session.close()
                    _ = await (first, second)
                case .expiry:
                    try await server.expire(session)
                    await session.ended.wait()
                case .serverKilled:
                    await server.kill()
                    await session.ended.wait()
                }
                #expect(session.state.isFinal)
                try await eventually("answered") { calls.answered == count }
            }
            try await eventually("let go") { calls.alive == 0 && released == nil }
            #expect(calls.answered == count)
            #expect(calls.answeredTwice == 0)
        }
    }

    @Test func closingDuringCallsFailsThemClearly() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperClient.withClient(server.configuration) { client in
                let session = try await client.withSession { $0 }
                let codes = Shared<Set<ZooKeeperError.Code>>([])
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<20 {
                        group.addTask {
                            while true {
                                do throws(ZooKeeperError) { _ = try await session.send(Exists("/")) } catch {
                                    codes.withLock { _ = $0.insert(error.code) }
                                    return
                                }
                            }
                        }
                    }
                    group.addTask { await session.close() }
                }
                #expect(codes.value == [.closed])
            }
        }
    }

    /// The continuation of an answered call closes: it runs right behind a callback of the C client.
    @Test func closingFromTheContinuationOfACall() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperClient.withClient(server.configuration) { client in
                let session = try await client.withSession { $0 }
                _ = try await session.exists("/")
                await session.close()
                #expect(session.state == .closed)
            }
        }
    }

    @Test func ephemeralNodesGoWithAClosedSessionAtOnce() async throws {
        try await ZooKeeperServer.withServer { server in
            var configuration = try server.configuration
            configuration.sessionTimeout = .seconds(60)
            try await ZooKeeperClient.withClient(configuration) { try await $0.create("/e", mode: .ephemeral) }
            try await ZooKeeperClient.withClient(configuration) { client in
                let stat = try await client.exists("/e")
                #expect(stat == nil)
            }
        }
    }

    @Test func callsThatWereIssuedAreAnsweredBeforeTheClose() async throws {
        try await ZooKeeperServer.withServer { server in
            let calls = TrackedCalls()
            var configuration = try server.configuration
            // On a busy machine an answer may take longer than a close normally waits.
            configuration.closeGrace = .seconds(5)
            try await ZooKeeperClient.withClient(configuration) { client in
                let session = try await client.withSession { $0 }
                calls.issue(20, in: session) { _ in Create("/n-", mode: .persistentSequential).makeRequest() }
                await session.close()
            }
            #expect(calls.results == ["success": 20], "a short drain comes first")
        }
    }

    /// All watches end with an error, although the node does not change any more.
    @Test(arguments: [true, false])
    func watchesEndWithTheirSession(_ isFrozen: Bool) async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperClient.withClient(server.configuration) { client in
                let session = try await client.withSession { $0 }
                var watches: [Watch] = []
                for _ in 0..<50 { watches.append(try await session.existsWatched("/a").watch) }
                if isFrozen { server.freeze() }
                let pending = TrackedCalls()
                let last = Watch()
                pending.issue(1, in: session) { _ in Request("/b", .exists, watch: last) }
                watches.append(last)
                await session.close()
                for watch in watches.dropLast() { await expectFailure(.closed) { try await watch.event() } }
                // It was never set if its read was not answered; then it has nothing to wait for.
                #expect(pending.answered == 1)
            }
        }
    }

    /// A callback blocks the thread that brings the answers, which the C client's close waits for.
    @Test func aBlockedCallbackDelaysTheCloseNoLongerThanItsLimit() async throws {
        try await ZooKeeperServer.withServer { server in
            let calls = TrackedCalls()
            let gate = DispatchSemaphore(value: 0)
            weak var released: ZooKeeperSession?
            try await ZooKeeperClient.withClient(server.configuration) { client in
                let session = try await client.withSession { $0 }
                released = session
                let isBlocked = Shared(false)
                _ = session.submit(Exists("/").makeRequest()) { _ in
                    isBlocked.withLock { $0 = true }
                    gate.wait()
                }
                try await eventually("blocked") { isBlocked.value }
                calls.issue(100, in: session) { _ in Exists("/").makeRequest() }
                // Returns although the C client cannot.
                await session.close()
                #expect(calls.answered == 100)
                #expect(session.state == .closed)
                gate.signal()
            }
            try await eventually("let go") { calls.alive == 0 && released == nil }
            #expect(calls.answeredTwice == 0)
        }
    }
}
