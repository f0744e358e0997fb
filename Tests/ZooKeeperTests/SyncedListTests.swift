// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper

/// A list counts only behind its sync.
@Suite struct SyncedListTests {
    private typealias Heard = [(result: Result<ChildNames, ZooKeeperError>, connection: Int)]

    private let heard = Shared<Heard>([])
    private let list: SyncedList

    init() {
        list = SyncedList { [heard] result, connection in heard.withLock { $0.append((result, connection)) } }
    }

    private let done = PendingRequest.Answer.success(Response(.done))
    private let lost = PendingRequest.Answer.failure(ZooKeeperError(.connectionLoss, execution: .unknown))

    private func children(_ names: [String]) -> PendingRequest.Answer {
        let stat = ZNodeStat(
            czxid: Zxid(rawValue: 1), mzxid: Zxid(rawValue: 1), pzxid: Zxid(rawValue: 1), ctime: 0, mtime: 0,
            version: 0,
            cversion: 0, aversion: 0, ephemeralOwner: SessionID(rawValue: 0), dataLength: 0, numChildren: 0)
        return .success(Response(.children(ChildNames(names), stat)))
    }

    @Test func behindItsSyncItCounts() throws {
        list.synced(done, 3)
        #expect(heard.value.isEmpty, "half of it says nothing")
        list.listed(children(["a", "b"]), 3)
        let only = try #require(heard.value.first)
        #expect(try only.result.get() == ["a", "b"])
        #expect(only.connection == 3)
        #expect(heard.value.count == 1)
    }

    /// The second connection may be to a server that lags behind what the first has been synced to.
    @Test(arguments: [(3, 4), (4, 3)])
    func overAnotherConnectionItDoesNotCount(_ sync: Int, _ answer: Int) throws {
        list.synced(done, sync)
        list.listed(children(["a"]), answer)
        let only = try #require(heard.value.first)
        #expect { try only.result.get() } throws: { ZooKeeperError.Code.connectionLoss ~= $0 }
    }

    /// A sync that was lost is sent again, over the connection that has brought the list or over another, and says
    /// nothing of what was listed before it.
    @Test(arguments: [3, 4]) func inFrontOfItsSyncItDoesNotCount(_ connection: Int) throws {
        list.listed(children(["a"]), 3)
        #expect(heard.value.isEmpty)
        list.synced(done, connection)
        let only = try #require(heard.value.first)
        #expect { try only.result.get() } throws: { ZooKeeperError.Code.connectionLoss ~= $0 }
    }

    @Test func withoutItsSyncItDoesNotCount() throws {
        list.synced(.failure(ZooKeeperError(.throttled, execution: .refused)), 3)
        list.listed(children(["a"]), 3)
        let only = try #require(heard.value.first)
        #expect { try only.result.get() } throws: { ZooKeeperError.Code.throttled ~= $0 }
    }

    @Test func aFailureOfTheListIsTheResult() throws {
        list.synced(done, 3)
        list.listed(lost, 3)
        let only = try #require(heard.value.first)
        #expect { try only.result.get() } throws: { ZooKeeperError.Code.connectionLoss ~= $0 }
    }
}
