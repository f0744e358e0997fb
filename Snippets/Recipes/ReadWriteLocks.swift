// SPDX-License-Identifier: Apache-2.0

// The read/write locks of the documentation of ZooKeeperRecipes.

import ZooKeeper
import ZooKeeperRecipes

func catalogue(_ client: ZooKeeperClient, _ catalogue: Catalogue) async throws {
    // snippet.first
    let lock = ZooKeeperReadWriteLock(client, at: "/locks/catalogue")
    let price = try await lock.withReadLock { _ in
        try await catalogue.price("tea")
    }
    try await lock.withWriteLock(waitingUpTo: .seconds(5)) { lease in
        try await catalogue.set("tea", price + 1, fence: lease.fencingToken)
    }
    // snippet.end
    // snippet.downgrade
    try await lock.withWriteLock { lease in
        try await catalogue.set("tea", 7, fence: lease.fencingToken)
        return 7
    } thenReading: { _, price in
        // No writer has been in between. Readers that waited are in now.
        let read = try await catalogue.price("tea")
        assert(read == price)
    }
    // snippet.end
    // snippet.upgrade
    try await lock.withReadLock { _ in
        let price = try await catalogue.price("tea")
        guard price < 5 else { return }
        let written: Void? = try await lock.withWriteLockIfAvailable { lease in
            try await catalogue.set("tea", 5, fence: lease.fencingToken)
        }
        if written == nil {
            // Another participant is there. Leave this scope, and wait to
            // write with `withWriteLock`.
        }
    }
    // snippet.end
    // snippet.hand
    let writer = try await lock.acquireWriteLock(waitingUpTo: .seconds(5))
    try await catalogue.set("tea", 8, fence: writer.lease.fencingToken)
    let reader = try await writer.downgrade()
    print(try await catalogue.price("tea"))
    try await reader.release()
    // snippet.end
}

struct Catalogue: Sendable {
    func price(_ item: String) async throws -> Int { item.count }

    func set(_ item: String, _ price: Int, fence: FencingToken) async throws {
        print(item, price, fence)
    }
}
