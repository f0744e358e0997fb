// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

extension ServerRequest {
    /// `true` for the create of a contender's node, by itself or in a transaction.
    fileprivate var createsContender: Bool {
        guard case .create(_, let mode, _) = action else { return false }
        return mode == .ephemeralSequential
    }
}

/// Creates whose outcome is not known, and creates that cost the connection each time.
@Suite(.timeLimit(.minutes(3))) struct UnknownCreateTests {
    private let zooKeeper = InMemoryZooKeeper()
    private let creates = Shared(0)

    /// A server does so when the length of a request is above its limit: it reads the first bytes and closes the
    /// connection.
    @Test(arguments: [true, false], [true, false])
    func createsThatCostTheConnectionAreNotSentForEver(_ cuts: Bool, _ isFresh: Bool) async throws {
        let client = try zooKeeper.makeClient {
            // So that what may have been left behind is soon known not to be.
            $0.sessionTimeout = .seconds(3)
        } answering: { [zooKeeper, creates] pending in
            guard pending.request.createsContender else { return nil }
            creates.withLock { $0 += 1 }
            if cuts { zooKeeper.cut() }
            return .connectionLoss
        }
        try await client.run { client in
            if !isFresh { try await client.create("/l") }
            let session = try await client.withSession { $0 }
            do {
                try await ZooKeeperLock(client, at: "/l").withLock { _ in }
                Issue.record("had the lock")
            } catch let error as LockError {
                #expect(error.code == .unavailable)
                #expect(error.underlying?.code == .connectionLoss)
                #expect(error.underlying?.message?.contains("jute.maxbuffer") == true, "\(error)")
            }
            #expect(creates.value == ContenderMachine.mostLostCreates)
            #expect(session.janitor.unresolvedCreateCount > 0)
            try await eventually("nothing of it can come any more") { session.janitor.unresolvedCreateCount == 0 }
        }
    }

    /// A create that is lost now and then is no reason to give up.
    @Test func createsThatAreLostNowAndThenAreRepeated() async throws {
        let client = try zooKeeper.makeClient { [creates] pending in
            guard pending.request.createsContender else { return nil }
            let number = creates.withLock { number in
                number += 1
                return number
            }
            return number % ContenderMachine.mostLostCreates == 0 ? nil : .connectionLoss
        }
        try await client.run { client in
            _ = try await client.create("/l")
            for _ in 0..<2 { try await ZooKeeperLock(client, at: "/l").withLock { try $0.checkHeld() } }
            try await eventually("the queue is empty") { try await client.childNames(of: "/l").isEmpty }
        }
        #expect(creates.value == 2 * ContenderMachine.mostLostCreates)
    }

    /// The server has executed it, whatever came back: the node is found, and nothing of it stays.
    @Test(arguments: [.requestTimeout, .marshallingError, .operationTimeout, ResultCode(rawValue: -99)])
    func aNodeWhoseCreateWasAnsweredWithAnyUnknownOutcomeIsFound(_ code: ResultCode) async throws {
        let client = try zooKeeper.makeClient {
            _ in
            nil
        } afterwards: { [creates] pending in
            guard pending.request.createsContender else { return nil }
            creates.withLock { $0 += 1 }
            return code
        }
        try await client.run { client in
            _ = try await client.create("/l")
            try await ZooKeeperLock(client, at: "/l").withLock { lease in
                let queue = try await client.childNames(of: "/l")
                #expect(queue == [lease.nodePath.name])
            }
            try await eventually("the queue is empty") { try await client.childNames(of: "/l").isEmpty }
        }
        #expect(creates.value == 1, "it was found, and not made again")
    }

    /// A caller that leaves while its create is under way leaves nothing, whatever the answer.
    @Test(arguments: [.requestTimeout, ResultCode.connectionLoss])
    func leavingDuringACreateOfUnknownOutcomeLeavesNothing(_ code: ResultCode) async throws {
        let waiter = Shared<Task<Void, any Error>?>(nil)
        let client = try zooKeeper.makeClient {
            _ in
            nil
        } afterwards: { [creates] pending in
            guard pending.request.createsContender else { return nil }
            creates.withLock { $0 += 1 }
            waiter.value?.cancel()
            return code
        }
        try await zooKeeper.withClient { beside in
            try await client.run { client in
                let held = try await ZooKeeperLock(beside, at: "/l").acquire()
                let isSet = Shared(false)
                let task = Task {
                    try await eventually("known to the hook") { isSet.value }
                    try await ZooKeeperLock(client, at: "/l").withLock { _ in }
                }
                waiter.withLock { $0 = task }
                isSet.withLock { $0 = true }
                await #expect(throws: CancellationError.self) { try await task.value }
                #expect(creates.value == 1)
                try await eventually("only the holder is left") {
                    try await beside.childNames(of: "/l") == [held.lease.nodePath.name]
                }
                try await held.release()
            }
        }
    }

    /// An ancestor that is there and may not be created by us is no reason, also if the directory was removed
    /// meanwhile.
    @Test func anAncestorThatIsThereIsNoReason() async throws {
        let client = try zooKeeper.makeClient { [creates] pending in
            guard pending.request.createsContender else { return nil }
            // The directory was there a moment ago: it is an empty container again and again.
            let number = creates.withLock { number in
                number += 1
                return number
            }
            return number < 4 ? .noNode : nil
        }
        try await client.run { client in
            try await client.create("/a")
            try await client.create("/a/b")
            try await client.setAccessControl(of: "/a", to: .readOnly)
            await expectFailure(.noAuth) { try await client.create("/a/b") }
            try await ZooKeeperLock(client, at: "/a/b/l").withLock { try $0.checkHeld() }
            #expect(creates.value == 4)
            // One that is not there is the reason.
            await #expect { try await ZooKeeperLock(client, at: "/a/c/l").withLock { _ in } } throws: {
                LockError.Code.unavailable ~= $0 && ZooKeeperError.Code.noAuth ~= $0
            }
        }
    }
}
