// SPDX-License-Identifier: Apache-2.0

import Logging
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// A waiter behind two, in memory: the watches that it sets, gives up and takes off again.
@Suite(.timeLimit(.minutes(2))) struct SecondWatchDriverTests {
    private let zooKeeper = InMemoryZooKeeper()
    private let path: ZNodePath = "/l"

    /// Runs `body` with a lock that is held, and one more that is acquired when it is released.
    private func behindTwo(
        _ body: (_ first: HeldLock, _ second: Task<HeldLock, any Error>, _ watches: Int) async throws -> Void
    ) async throws {
        try await zooKeeper.withClient { beside in
            let first = try await ZooKeeperLock(beside, at: path).acquire()
            let second = Task { try await ZooKeeperLock(beside, at: path).acquire() }
            // Both watch their own nodes, and the second that of the first.
            try await eventually("two in the queue") {
                zooKeeper.model.tree.nodes["/l"]?.children.count == 2 && zooKeeper.watchCount == 2
            }
            try await body(first, second, zooKeeper.watchCount)
        }
    }

    private func contender(_ session: ZooKeeperSession, _ position: QueuePosition) -> Contender {
        let settings = ContenderSettings(
            at: path, dialect: .curator, policy: .exclusive, data: [], accessControl: .open)
        return Contender(session: session, settings: settings, position: position, mode: .wait)
    }

    @Test func itTakesOverAndLeavesNoWatch() async throws {
        try await behindTwo { first, second, watches in
            try await zooKeeper.withClient { client in
                let position = QueuePosition()
                let contender = contender(try await client.withSession { $0 }, position)
                contender.start()
                try await eventually("both are watched") { zooKeeper.watchCount == watches + 2 }
                try await first.release()
                try await eventually("the next") { position.current?.ahead == 1 }
                try await second.value.release()
                guard case .value(.granted(_, isWatched: true)) = await contender.decision.wait() else {
                    Issue.record("not granted")
                    return
                }
                contender.release()
                contender.endHolding()
                try await eventually("no watch is left") { zooKeeper.watchCount == 0 }
            }
        }
    }

    @Test func whoLeavesTakesBothWatchesOff() async throws {
        try await behindTwo { first, second, watches in
            try await zooKeeper.withClient { client in
                let contender = contender(try await client.withSession { $0 }, QueuePosition())
                contender.start()
                try await eventually("both are watched") { zooKeeper.watchCount == watches + 2 }
                contender.leave(.cancelled)
                try await eventually("they are taken off") { zooKeeper.watchCount == watches }
                try await first.release()
                try await second.value.release()
            }
        }
    }

    /// The nearest leaves: the other is watched once.
    @Test func theSecondMayBecomeTheNearest() async throws {
        try await behindTwo { first, second, watches in
            try await zooKeeper.withClient { client in
                let position = QueuePosition()
                let contender = contender(try await client.withSession { $0 }, position)
                contender.start()
                try await eventually("both are watched") { zooKeeper.watchCount == watches + 2 }
                second.cancel()
                _ = await second.result
                try await eventually("the next") { position.current?.ahead == 1 }
                try await first.release()
                guard case .value(.granted) = await contender.decision.wait() else {
                    Issue.record("not granted")
                    return
                }
                contender.release()
                contender.endHolding()
                try await eventually("no watch is left") { zooKeeper.watchCount == 0 }
            }
        }
    }

    /// With a budget of which more than half is used.
    @Test func theSecondWatchIsGivenUpFirst() async throws {
        var settings = SessionSettings(zooKeeper.configuration)
        settings.watchBudget = 200
        let session = ZooKeeperSession(
            generation: 1, settings: settings, transport: zooKeeper.makeTransport(), logger: Logger(label: "test"))
        session.open()
        await session.connected.wait()
        try await behindTwo { first, second, watches in
            let other = Watch()
            let long = try ZNodePath("/" + String(repeating: "x", count: 120))
            let isSet = Promise<Bool>()
            _ = session.submit(Request(long, .exists, watch: other), retry: .never) { _ in isSet.fulfil(true) }
            _ = await isSet.wait()
            #expect(session.isWatchBudgetShort)
            let position = QueuePosition()
            let contender = contender(session, position)
            contender.start()
            try await eventually("waiting") { zooKeeper.watchCount == watches + 2 }
            #expect(position.current?.ahead == 2)
            try await first.release()
            let held = try await second.value
            #expect(position.current?.ahead == 2, "nobody looks")
            try await held.release()
            guard case .value(.granted) = await contender.decision.wait() else {
                Issue.record("not granted")
                return
            }
            contender.release()
            contender.endHolding()
        }
        await session.close()
    }

    @Test func itWaitsThroughLostConnections() async throws {
        try await behindTwo { first, second, watches in
            try await zooKeeper.withClient { client in
                let position = QueuePosition()
                let session = try await client.withSession { $0 }
                let contender = contender(session, position)
                contender.start()
                try await eventually("both are watched") { zooKeeper.watchCount == watches + 2 }
                zooKeeper.cut(session)
                try await first.release()
                try await eventually("the next") { position.current?.ahead == 1 }
                zooKeeper.cut(session)
                try await second.value.release()
                guard case .value(.granted) = await contender.decision.wait() else {
                    Issue.record("not granted")
                    return
                }
                contender.release()
                contender.endHolding()
            }
        }
    }
}
