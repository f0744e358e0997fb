// SPDX-License-Identifier: Apache-2.0

// Lines for users of Curator, in the documentation of ZooKeeperRecipes.

import ZooKeeper
import ZooKeeperRecipes

func locks(_ client: ZooKeeperClient) async throws {
    // snippet.mutex
    let mutex = ZooKeeperLock(client, at: "/locks/report")
    try await mutex.withLock(waitingUpTo: .seconds(5)) { lease in
        try lease.checkHeld()
    }
    // snippet.end
    let first = ZooKeeperLock(client, at: "/locks/a")
    let second = ZooKeeperLock(client, at: "/locks/b")
    // snippet.multi
    // Everywhere in the same order, or two processes wait for each other.
    try await first.withLock { _ in
        try await second.withLock { lease in try lease.checkHeld() }
    }
    // snippet.end
}

func nodes(_ client: ZooKeeperClient) async throws {
    // snippet.node
    for try await node in client.updates(of: "/config/limits") {
        guard let node else { continue }  // There is no such node.
        print(String(decoding: node.data, as: UTF8.self))
    }
    // snippet.end
    // snippet.children
    for try await children in client.childrenUpdates(of: "/services/mail") {
        print(children?.names ?? [])
    }
    // snippet.end
    // snippet.member
    try await client.withSession { session in
        let member: ZNodePath = "/members/host-7"
        try await session.create(member, data: "10.0.0.7".utf8, mode: .ephemeral)
        // Until the node is gone, or the session.
        for try await node in session.updates(of: member) where node == nil {
            break
        }
    }
    // snippet.end
    // snippet.barrier
    // Waits until the node is gone.
    for try await node in client.updates(of: "/barriers/import")
    where node == nil {
        break
    }
    // snippet.end
    // snippet.namespace
    let billing = client.rooted(at: "/billing")
    // The lock at /billing/locks/report, on the same session.
    let lock = ZooKeeperLock(billing, at: "/locks/report")
    // snippet.end
    print(lock.path)
}

func states(_ client: ZooKeeperClient) async {
    // snippet.states
    for await state in client.states {
        switch state {
        case .connecting, .connected: break
        case .suspended(_, let expiresBy): print("SUSPENDED, LOST by \(expiresBy)")
        case .overdue: print("nothing is proven any more")
        case .lost(let reason): print("LOST: \(reason)")
        case .closed: return
        @unknown default: break
        }
    }
    // snippet.end
}

func counter(_ client: ZooKeeperClient) async throws {
    // snippet.counter
    // A SharedCount: four bytes, the highest first.
    try await client.update("/counters/builds") { old in
        let count = old.data.reduce(Int32(0)) { $0 << 8 | Int32($1) } + 1
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) }
    }
    // snippet.end
}

func slots(_ client: ZooKeeperClient) async throws {
    // snippet.slots
    // At most four at a time: one of four locks, whichever is free.
    for slot in 1...4 {
        let lock = ZooKeeperLock(client, at: try ZNodePath("/slots/\(slot)"))
        let done: Void? = try await lock.withLockIfAvailable { lease in
            try lease.checkHeld()
        }
        if done != nil { return }
    }
    // snippet.end
}

func transactions(_ client: ZooKeeperClient) async throws {
    // snippet.transaction
    let (job, _) = try await client.transaction(
        Create("/jobs/job-", mode: .persistentSequential),
        SetData("/jobs", to: "1".utf8, ifVersion: 0))
    // snippet.end
    print(job.path)
}

func leadership(_ client: ZooKeeperClient) async throws {
    // snippet.latch
    let latch = ZooKeeperElection(
        client, at: "/elections/scheduler",
        configuration: .init(id: "eu-west-1a"))
    let leading = try await latch.acquireLeadership(waitingUpTo: .seconds(30))
    try leading.lease.checkHeld()
    try await leading.release()
    // snippet.end
}
