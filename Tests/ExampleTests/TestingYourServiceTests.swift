// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// The programs of Documentation/TestingYourService.md.
@Suite(.timeLimit(.minutes(3))) struct TestingYourServiceTests {
    /// The ledger that the service changes: it refuses late writers.
    final class Book: Sendable {
        private let state = Mutex((timesClosed: 0, fence: FencingToken?.none))

        var timesClosed: Int { state.withLock { $0.timesClosed } }

        struct TooLate: Error {}

        func close(fence: FencingToken) throws(TooLate) {
            let isLate = state.withLock { state in
                if let newest = state.fence, fence < newest { return true }
                state.fence = fence
                state.timesClosed += 1
                return false
            }
            if isLate { throw TooLate() }
        }
    }

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

    @Test func closesTheBookOnce() async throws {
        let zookeeper = InMemoryZooKeeper()
        try await zookeeper.withClient { client in
            let book = Book()
            try await BookCloser(client: client, book: book).close()
            #expect(book.timesClosed == 1)
        }
    }

    @Test func aLateHolderIsRefused() async throws {
        let zookeeper = InMemoryZooKeeper()
        try await zookeeper.withClient { client in
            let book = Book()
            let lock = ZooKeeperLock(client, at: "/locks/book")
            let old = try await lock.withLock { $0.fencingToken }
            try await BookCloser(client: client, book: book).close()
            #expect(throws: Book.TooLate.self) { try book.close(fence: old) }
            #expect(book.timesClosed == 1)
        }
    }

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
}
