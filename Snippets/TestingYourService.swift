// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

// The test target ExampleTests has this file too, and runs it.

// snippet.service
/// Closes an account book, in one process at a time.
struct BookCloser {
    let client: ZooKeeperClient
    let book: Book

    func close() async throws {
        let lock = ZooKeeperLock(client, at: "/locks/book")
        try await lock.withLock(waitingUpTo: .seconds(5)) { lease in
            try lease.checkHeld()
            try book.close(fence: lease.fencingToken)
        }
    }
}
// snippet.end

// snippet.book
/// The book refuses a holder that is late.
final class Book: Sendable {
    private let state = Mutex((timesClosed: 0, fence: FencingToken?.none))

    var timesClosed: Int { state.withLock { $0.timesClosed } }

    struct TooLate: Error {}

    func close(fence: FencingToken) throws {
        let isLate = state.withLock { state in
            if let newest = state.fence, fence < newest { return true }
            state.fence = fence
            state.timesClosed += 1
            return false
        }
        if isLate { throw TooLate() }
    }
}
// snippet.end

@Suite(.timeLimit(.minutes(3))) struct BookCloserTests {
    // snippet.memory
    @Test func closesTheBookOnce() async throws {
        let zookeeper = InMemoryZooKeeper()
        try await zookeeper.withClient { client in
            let book = Book()
            try await BookCloser(client: client, book: book).close()
            #expect(book.timesClosed == 1)
        }
    }
    // snippet.end

    // snippet.late
    @Test func aLateHolderIsRefused() async throws {
        let zookeeper = InMemoryZooKeeper()
        try await zookeeper.withClient { client in
            let book = Book()
            let lock = ZooKeeperLock(client, at: "/locks/book")
            let old = try await lock.withLock { $0.fencingToken }
            try await BookCloser(client: client, book: book).close()
            #expect(throws: Book.TooLate.self) { try book.close(fence: old) }
        }
    }
    // snippet.end

    // snippet.expire
    @Test func theBodyEndsWhenTheSessionExpires() async throws {
        let zookeeper = InMemoryZooKeeper()
        try await zookeeper.withClient { client in
            let lock = ZooKeeperLock(client, at: "/locks/book")
            await #expect {
                try await lock.withLock { lease in
                    try await client.withSession { try zookeeper.expire($0) }
                    // Ends by the cancellation of the body.
                    try await Task.sleep(for: .seconds(60))
                }
            } throws: {
                LockError.Code.lost ~= $0
            }
        }
    }
    // snippet.end

    // snippet.reply
    @Test func survivesALostAnswer() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                try await ZooKeeperClient.withClient(relay.configuration) { client in
                    let book = Book()
                    // So that the next create is the lock's node and not its directory.
                    try await BookCloser(client: client, book: book).close()
                    // The node is created, and the client gets no answer.
                    relay.inject(RelayFault(.cut, at: .reply(to: .create2)))
                    try await BookCloser(client: client, book: book).close()
                    #expect(relay.pendingFaults == 0)
                    #expect(book.timesClosed == 2)
                }
            }
        }
    }
    // snippet.end

    // snippet.traffic
    @Test func costsTwoRoundTrips() async throws {
        try await ZooKeeperServer.withServer { server in
            try await ZooKeeperRelay.withRelay(to: server) { relay in
                try await ZooKeeperClient.withClient(relay.configuration) { client in
                    let closer = BookCloser(client: client, book: Book())
                    try await closer.close()
                    let before = relay.traffic
                    try await closer.close()
                    #expect((relay.traffic - before).roundTrips <= 2)
                }
            }
        }
    }
    // snippet.end

    // snippet.ensemble
    @Test func worksWhileTheLeaderIsReplaced() async throws {
        try await Ensemble.withEnsemble { ensemble in
            try await ZooKeeperClient.withClient(ensemble.configuration) { client in
                let book = Book()
                let deposed = try await ensemble.killLeader()
                try await ensemble.waitForLeader(otherThan: deposed)
                try await BookCloser(client: client, book: book).close()
                #expect(book.timesClosed == 1)
            }
        }
    }
    // snippet.end
}

// snippet.suite
/// One server for all tests of the suite.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct OnOneServer {
    @Test func works() async throws {
        let server = try ZooKeeperServer.required
        try await ZooKeeperClient.withClient(server.configuration) { client in
            try await client.createWithAncestors("/of/this/test")
        }
    }
}
// snippet.end
