// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// A real server that throttles, with a flood of requests beside.
@Suite(.timeLimit(.minutes(5))) struct ThrottledServerTests {
    /// The number of cycles; more by THROTTLED_SERVER_CYCLES.
    private static let cycles = environmentValue("THROTTLED_SERVER_CYCLES").flatMap { Int($0) } ?? 30

    @Test func nothingIsLeftAndNoStreamEnds() async throws {
        var server = ServerConfiguration()
        server.systemProperties["zookeeper.throttled_op_wait_time"] = "1"
        server.systemProperties["zookeeper.request_throttle_max_requests"] = "1"
        server.systemProperties["zookeeper.request_throttle_stall_time"] = "50"
        try await ZooKeeperServer.withServer(server) { server in
            try await ZooKeeperClient.withClient(server.configuration) { client in
                try await ZooKeeperClient.withClient(server.configuration) { flooding in
                    while true {
                        do { _ = try await flooding.create("/flood") } catch ZooKeeperError.Code.throttled { continue }
                        break
                    }
                    let throttled = Shared(0)
                    let flood = (0..<20).map { _ in
                        Task {
                            while !Task.isCancelled {
                                do { try await flooding.set("/flood", to: [1]) } catch ZooKeeperError.Code.throttled {
                                    throttled.withLock { $0 += 1 }
                                } catch {}
                            }
                        }
                    }
                    let streamEnds = Shared(0)
                    let lock = ZooKeeperLock(client, at: "/lock")
                    let streams = [
                        Task {
                            for try await _ in lock.participantUpdates {}
                            streamEnds.withLock { $0 += 1 }
                        },
                        Task {
                            for try await _ in client.childrenUpdates(of: "/lock") {}
                            streamEnds.withLock { $0 += 1 }
                        },
                        Task {
                            for try await _ in ZooKeeperElection(client, at: "/lock").leaders {}
                            streamEnds.withLock { $0 += 1 }
                        },
                    ]
                    var held = 0
                    while held < Self.cycles || throttled.value == 0 {
                        // What the server itself makes so slow that a lease does not live is not held against the
                        // client.
                        do { try await lock.withLock { _ in held += 1 } } catch LockError.Code.lost {}
                    }
                    for task in flood { task.cancel() }
                    for task in flood { await task.value }
                    try await eventually("nothing is left") {
                        (try? await flooding.children(of: "/lock").names.isEmpty) ?? false
                    }
                    #expect(streamEnds.value == 0)
                    for stream in streams { stream.cancel() }
                    for stream in streams {
                        let result = await stream.result
                        #expect(throws: Never.self) { try result.get() }
                    }
                    print("\(held) cycles, \(throttled.value) requests of the flood throttled")
                }
            }
        }
    }
}
