// SPDX-License-Identifier: Apache-2.0

// The locks of the documentation of ZooKeeperRecipes.

import ZooKeeper
import ZooKeeperRecipes

func closeMonth(_ client: ZooKeeperClient, _ ledger: Ledger) async throws {
    // snippet.first
    let lock = ZooKeeperLock(client, at: "/locks/ledger")
    try await lock.withLock(waitingUpTo: .seconds(5)) { lease in
        // Before each side effect, ask the local clock: costs nothing.
        try lease.checkHeld()
        // Let the resource refuse a holder that is late.
        try await ledger.close("2026-10", fence: lease.fencingToken)
    }
    // snippet.end
}

func lateFailures(_ client: ZooKeeperClient, _ ledger: Ledger) async throws {
    let lock = ZooKeeperLock(client, at: "/locks/ledger")
    // snippet.errors
    do {
        try await lock.withLock(waitingUpTo: .seconds(5)) { lease in
            try await ledger.close("2026-10", fence: lease.fencingToken)
        }
    } catch LockError.Code.timedOut {
        // Nothing was left behind. The error names the holder, and says
        // since when it is in the queue.
    } catch let error as LockError where error.code == .lost {
        // The body was cancelled, and has ended. `error.loss` says why,
        // `error.bodyError` what it threw.
        print(error)
    }
    // snippet.end
}

func checks(_ lease: LockLease, _ rows: [String], _ ledger: Ledger) async throws {
    // snippet.check
    for row in rows {
        // Throws if less than two seconds are left until the deadline.
        try lease.checkHeld(for: .seconds(2))
        try await ledger.close(row, fence: lease.fencingToken)
    }
    // snippet.end
    // snippet.verify
    try await lease.verify()
    // The lock was held at a moment after the call.
    // snippet.end
    // snippet.transaction
    let (entry, _) = try await lease.transaction(
        Create("/ledger/entry-", mode: .persistentSequential),
        SetData("/ledger", to: "closed up to 2026-10".utf8))
    print("committed \(entry.path), while the lock was held")
    // snippet.end
}

func policies(_ client: ZooKeeperClient) async throws {
    // snippet.policy
    var configuration = ZooKeeperLock.Configuration()
    configuration.lossPolicy = .onSuspension
    let lock = ZooKeeperLock(
        client, at: "/locks/valve", configuration: configuration)
    // snippet.end
    try await lock.withLock { _ in }
}

func limits(_ lock: ZooKeeperLock, _ ledger: Ledger) async throws {
    // snippet.limit
    try await lock.withLock(
        waitingUpTo: .seconds(5), holdingAtMost: .seconds(60)
    ) { lease in
        try await ledger.close("2026-10", fence: lease.fencingToken)
    }
    // snippet.end
    // snippet.once
    let ran: Void? = try await lock.runOncePer(.seconds(3_600)) { lease in
        try await ledger.close("2026-10", fence: lease.fencingToken)
    }
    print(ran == nil ? "another instance has run it, or is at it" : "done")
    // snippet.end
    // snippet.try
    let closed: Void? = try await lock.withLockIfAvailable { lease in
        try await ledger.close("2026-10", fence: lease.fencingToken)
    }
    if closed == nil { print("another participant holds it or waits for it") }
    // snippet.end
}

func background(_ client: ZooKeeperClient) async throws {
    // snippet.background
    var configuration = ZooKeeperLock.Configuration()
    configuration.release = .background
    let lock = ZooKeeperLock(
        client, at: "/locks/ledger", configuration: configuration)
    // snippet.end
    try await lock.withLock { _ in }
}

// snippet.held
/// A connection to a device that serves one at a time.
final class Device: Sendable {
    private let held: HeldLock

    init(_ lock: ZooKeeperLock) async throws {
        held = try await lock.acquire(waitingUpTo: .seconds(10))
    }

    func write(_ bytes: [UInt8]) throws {
        try held.lease.checkHeld()
        print("writes \(bytes.count) bytes")
    }

    /// Returns when the lock is lost or released.
    func lost() async -> LockLoss? { await held.loss() }

    func close() async throws { try await held.release() }
}
// snippet.end

func again(_ lock: ZooKeeperLock) async throws {
    // snippet.again
    try await lock.withLock { outer in
        try await lock.withLock { inner in
            // At once, without a request, with the same token.
            assert(inner.fencingToken == outer.fencingToken)
        }
        async let beside: Void = lock.withLock { _ in }
        do {
            try await beside
        } catch LockError.Code.heldByEnclosingScope {
            // A task beside the body is not let in, and does not wait.
        }
    }
    // snippet.end
}

func revocation(_ client: ZooKeeperClient, _ batches: [String], _ ledger: Ledger) async throws {
    // snippet.revocable
    var configuration = ZooKeeperLock.Configuration()
    configuration.cancelsBodyOnRevocationRequest = true
    let lock = ZooKeeperLock(
        client, at: "/locks/ledger", configuration: configuration)
    try await lock.withLock { lease in
        for batch in batches where !lease.isRevocationRequested {
            try await ledger.close(batch, fence: lease.fencingToken)
        }
    }
    // snippet.end
    // snippet.revoke
    if let holder = try await lock.participants().first {
        try await lock.requestRevocation(of: holder)
    }
    // snippet.end
}

func position(_ lock: ZooKeeperLock) async throws {
    // snippet.position
    let position = QueuePosition()
    async let work: Void = lock.withLock(position: position) { _ in
        print("my turn")
    }
    for await snapshot in position.positions {
        print("\(snapshot?.ahead ?? 0) in front of us")
    }
    try await work
    // snippet.end
}

func byIdentifier(_ client: ZooKeeperClient, _ id: Int) async throws {
    // snippet.path
    let lock = ZooKeeperLock(client, at: try ZNodePath("/locks/orders/\(id)"))
    // snippet.end
    try await lock.withLock { _ in }
}

/// Stands for a database.
struct Ledger: Sendable {
    func close(_ month: String, fence: FencingToken) async throws { print("closes \(month) under \(fence)") }
}
