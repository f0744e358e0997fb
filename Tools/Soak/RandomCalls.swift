// SPDX-License-Identifier: Apache-2.0

import TestSupport
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// Makes random calls of the whole public API, in a directory of its own.
struct RandomCalls: Sendable {
    let client: ZooKeeperClient
    let eventLog: EventLog

    static let nodes = (0..<6).map { ZNodePath.root.child("n\($0)") }
    static let locks = (0..<3).map { ZNodePath.root.child("lock\($0)") }
    /// The nodes to which holders write. Not below the locks: the servers remove those directories when they are empty.
    static let stamps = (0..<3).map { ZNodePath.root.child("stamp\($0)") }

    /// Makes one random call, and sometimes cancels it before it returns.
    func makeCall(_ random: inout SplitMix64) async {
        var own = random.split()
        let kind = random.int(0...19)
        // These end only by being cancelled.
        let mustCancel = kind >= 17
        guard mustCancel || random.oneIn(4) else { return await call(kind, &own) }
        let call = Task { [own] in
            var own = own
            await self.call(kind, &own)
        }
        let delay = random.oneIn(5) ? 0 : random.int(0...(mustCancel ? 400 : 40))
        try? await Task.sleep(for: .milliseconds(delay))
        call.cancel()
        await call.value
    }

    private func call(_ kind: Int, _ random: inout SplitMix64) async {
        switch kind {
        case 0...4: await operation(on: client, "client", &random)
        case 5...6: await inSession(&random)
        case 7: await pipeline(&random)
        case 8: await transaction(&random)
        case 9...10: await watch(&random)
        case 11...13: await scope(&random, limit: .milliseconds(random.int(0...600)))
        case 14: await attempt(&random)
        case 15...16: await byHand(&random, limit: .milliseconds(random.int(0...600)))
        case 17: await scope(&random, limit: nil)
        case 18: await updates(&random)
        default: await byHand(&random, limit: nil)
        }
    }

    // MARK: Operations

    private func operation(
        on target: some ZooKeeperOperations, _ name: String, _ random: inout SplitMix64
    ) async {
        let path = random.pick(Self.nodes)
        let data = random.bytes(random.int(0...(random.oneIn(20) ? 50_000 : 50)))
        let version: Int32? = random.oneIn(3) ? Int32(random.int(0...5)) : nil
        let kind = random.int(0...8)
        await eventLog.track("\(name) operation \(kind) \(path)") {
            switch kind {
            case 0: _ = try await target.get(path)
            case 1: _ = try await target.exists(path)
            case 2: _ = try await target.children(of: "/")
            case 3:
                try await target.create(path, data: data, mode: data.count.isMultiple(of: 2) ? .persistent : .ephemeral)
            case 4: try await target.set(path, to: data, ifVersion: version)
            case 5: try await target.delete(path, ifVersion: version)
            case 6: try await target.sync(path)
            case 7: try await target.setAccessControl(of: path, to: .open)
            default: _ = try await target.accessControl(of: path)
            }
        }
    }

    private func inSession(_ random: inout SplitMix64) async {
        let count = random.int(1...4)
        await eventLog.track("withSession") {
            try await client.withSession { session in
                eventLog.saw(session)
                for _ in 0..<count { await operation(on: session, "session", &random) }
            }
        }
    }

    private func pipeline(_ random: inout SplitMix64) async {
        let (path, other) = (random.pick(Self.nodes), random.pick(Self.nodes))
        await eventLog.track("pipeline \(path)") {
            let (created, _, read, list) = await client.pipeline(
                Create(path, data: [1]), SetData(other, to: [2]), GetData(path), GetChildren("/").watched)
            // A node that was created is seen by the reads behind it in the same pipeline.
            if case .success(let created) = created, let stat = created.stat, case .success(let node) = read,
                node.stat.czxid < stat.czxid
            {
                eventLog.report("a read does not see the create before it in its pipeline")
            }
            _ = try list.get()
        }
    }

    private func transaction(_ random: inout SplitMix64) async {
        let steps: [any TransactionOperation] = (0..<random.int(0...6)).map { _ in
            let path = random.pick(Self.nodes)
            return switch random.int(0...3) {
            case 0: Create(path)
            case 1: SetData(path, to: [3])
            case 2: Delete(path)
            default: Check(path)
            }
        }
        await eventLog.track("transaction of \(steps.count)") {
            let results = try await client.transaction(steps)
            if results.count != steps.count { eventLog.report("\(results.count) results of \(steps.count) operations") }
        }
    }

    // MARK: Watches

    private func watch(_ random: inout SplitMix64) async {
        let path = random.pick(Self.nodes)
        let kind = random.int(0...2)
        let dropsIt = random.oneIn(2)
        await eventLog.track("watch \(path)") {
            let watch =
                switch kind {
                case 0: try await client.getWatched(path).watch
                case 1: try await client.existsWatched(path).watch
                default: try await client.childrenWatched(of: "/").watch
                }
            if dropsIt { return }
            // Another task changes the node; at the latest, this one does, if it still can.
            let waiter = Task { try await watch.event() }
            _ = try? await client.create("/touch-", mode: .ephemeralSequential)
            do { try await client.delete(path) } catch ZooKeeperError.Code.noNode {
                _ = try? await client.create(path)
            } catch {}
            waiter.cancel()
            _ = try? await waiter.value
        }
    }

    private func updates(_ random: inout SplitMix64) async {
        let path = random.pick(Self.nodes)
        let ofChildren = random.oneIn(2)
        await eventLog.track("updates of \(path)") {
            if ofChildren {
                for try await _ in client.childrenUpdates(of: path) {}
            } else {
                var last: Zxid?
                for try await node in client.updates(of: path) {
                    if let node, let last, node.stat.mzxid < last { eventLog.report("an update of \(path) goes back") }
                    last = node?.stat.mzxid ?? last
                }
            }
        }
    }

    // MARK: Locks

    private func scope(_ random: inout SplitMix64, limit: Duration?) async {
        let index = random.int(0...2)
        var own = random.split()
        await eventLog.track("withLock \(index), \(limit.map { "\($0)" } ?? "without limit")") {
            try await ZooKeeperLock(client, at: Self.locks[index]).withLock(waitingUpTo: limit) { lease in
                await hold(lease, index, &own)
                if own.oneIn(10) {
                    try await ZooKeeperLock(client, at: Self.locks[index]).withLock { await hold($0, index, &own) }
                }
            }
        }
    }

    private func attempt(_ random: inout SplitMix64) async {
        let index = random.int(0...2)
        var own = random.split()
        await eventLog.track("withLockIfAvailable \(index)") {
            _ = try await ZooKeeperLock(client, at: Self.locks[index]).withLockIfAvailable {
                await hold($0, index, &own)
            }
        }
    }

    private func byHand(_ random: inout SplitMix64, limit: Duration?) async {
        let index = random.int(0...2)
        var own = random.split()
        await eventLog.track("acquire \(index), \(limit.map { "\($0)" } ?? "without limit")") {
            let held = try await ZooKeeperLock(client, at: Self.locks[index]).acquire(waitingUpTo: limit)
            await hold(held.lease, index, &own)
            // Some callers forget to.
            if !own.oneIn(5) { try await held.release() }
        }
    }

    private func hold(_ lease: LockLease, _ index: Int, _ random: inout SplitMix64) async {
        eventLog.saw(lease.session)
        for _ in 0..<random.int(1...3) {
            eventLog.check(lease)
            switch random.int(0...3) {
            case 0: try? await lease.verify()
            case 1: await Task.yield()
            default:
                let results = try? await lease.transaction([SetData(Self.stamps[index], to: lease.fencingToken.bytes)])
                if case .dataSet(let stat)? = results?.first { eventLog.stamped(lease, at: stat.mzxid) }
            }
            eventLog.check(lease)
        }
    }
}
