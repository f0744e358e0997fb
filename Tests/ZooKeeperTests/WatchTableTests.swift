// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper

/// The C client's rules (`zk_hashtable.c`): an answered read registers, an event takes out.
@Suite struct WatchTableTests {
    private let a = ServerPath(received: "/a")

    /// A read that sets a watch.
    private struct Read {
        let request: ServerRequest
        let watch = Watch()

        init(_ path: ZNodePath, _ action: Action<TransactionStep>) {
            request = Request(path, action).rooted(at: .root)
        }
    }

    private func finished(
        _ table: inout WatchTable, _ path: ZNodePath, _ action: Action<TransactionStep>, _ code: ResultCode
    ) throws -> Read {
        let read = Read(path, action)
        try table.reserve(for: read.request)
        _ = table.finish(read.request, read.watch.registration, code)
        return read
    }

    @Test(arguments: [
        (WatchEvent.Kind.created, [true, true, false]),
        (.dataChanged, [true, true, false]),
        (.childrenChanged, [false, false, true]),
        (.deleted, [true, true, true]),
    ])
    func anEventFiresItsTables(_ kind: WatchEvent.Kind, _ fires: [Bool]) throws {
        var table = WatchTable(budget: 1_000)
        let requests = [
            try finished(&table, "/a", .getData, .ok),
            try finished(&table, "/a", .exists, .noNode),
            try finished(&table, "/a", .getChildren, .ok),
        ]
        _ = try finished(&table, "/b", .getData, .ok)
        let fired = table.fire(kind, at: a)
        for (request, isExpected) in zip(requests, fires) {
            #expect(fired.contains { $0 === request.watch.registration } == isExpected)
        }
        #expect(table.fire(kind, at: a).isEmpty, "once")
    }

    /// The server keeps one watch for all of a path: it must not be asked to remove it while a new read wants it again.
    @Test func aRemovalGivesWayToANewRead() throws {
        var table = WatchTable(budget: 1_000)
        let old = try finished(&table, "/a", .getData, .ok)
        let registration = old.watch.registration
        let removed = table.remove(registration, at: a)
        let removable = try #require(removed)
        #expect(table.mayRemove(removable, at: a))
        let new = Read("/a", .exists)
        try table.reserve(for: new.request)
        #expect(!table.mayRemove(removable, at: a), "a read is under way")
        _ = table.finish(new.request, new.watch.registration, .ok)
        #expect(!table.mayRemove(removable, at: a), "its watch is set")
        table.removed(removable, at: a)
        let fired = table.fire(.dataChanged, at: a)
        #expect(fired.count == 1)
    }

    /// The paths are equal strings, and two nodes.
    @Test func anEventFiresOnlyTheWatchesOfItsBytes() throws {
        var table = WatchTable(budget: 1_000)
        let composed = try finished(&table, "/\u{E9}", .getData, .ok)
        let decomposed = try finished(&table, "/e\u{301}", .getData, .ok)
        #expect(table.encodedLength == 3 + 4 + 4 + 4)
        let fired = table.fire(.deleted, at: ServerPath(received: "/e\u{301}"))
        #expect(fired.count == 1 && fired.first === decomposed.watch.registration)
        #expect(table.fire(.deleted, at: ServerPath(received: "/\u{E9}")).first === composed.watch.registration)
        #expect(table.encodedLength == 0)
    }

    @Test func anExistingNodeIsWatchedForItsData() throws {
        var table = WatchTable(budget: 1_000)
        let request = try finished(&table, "/a", .exists, .ok)
        #expect(table.fire(.dataChanged, at: a).first === request.watch.registration)
    }

    @Test(arguments: [ResultCode.connectionLoss, .noAuth, .sessionExpired])
    func aFailedReadRegistersNothing(_ code: ResultCode) throws {
        var table = WatchTable(budget: 1_000)
        _ = try finished(&table, "/a", .getData, code)
        _ = try finished(&table, "/a", .getData, .noNode)
        _ = try finished(&table, "/a", .exists, code)
        #expect(table.count == 0)
        #expect(table.encodedLength == 0)
    }

    @Test func theBudgetCountsEveryPathOfATableOnce() async throws {
        var table = WatchTable(budget: 6 + 6 + 7)
        _ = try finished(&table, "/a", .getData, .ok)
        _ = try finished(&table, "/a", .getData, .ok)
        #expect(!table.isShort)
        _ = try finished(&table, "/a", .getChildren, .ok)
        #expect(table.encodedLength == 12)
        #expect(table.isShort, "more than half is used")
        _ = try finished(&table, "/bb", .getData, .ok)
        await expectFailure(.watchBudgetExceeded) { try table.reserve(for: Read("/c", .getChildren).request) }
        #expect(table.fire(.dataChanged, at: ServerPath(received: "/bb")).count == 1)
        #expect(throws: Never.self) { try table.reserve(for: Read("/c", .getChildren).request) }
    }

    @Test func theLastOneToGoIsTakenOffTheServer() throws {
        var table = WatchTable(budget: 1_000)
        let first = try finished(&table, "/a", .getData, .ok)
        let second = try finished(&table, "/a", .exists, .noNode)
        let child = try finished(&table, "/a", .getChildren, .ok)
        func remove(_ read: Read) -> RemovableWatches? {
            table.remove(read.watch.registration, at: a)
        }
        #expect(remove(first) == nil, "the server keeps data and existence watches together")
        #expect(remove(second) == .dataAndExistence)
        #expect(remove(child) == .children)
        #expect(remove(child) == nil)
        #expect(table.encodedLength > 0, "until the server has answered, it would set them again")
        table.removed(.dataAndExistence, at: a)
        table.removed(.children, at: a)
        #expect(table.encodedLength == 0)
    }

    @Test func aReadUnderWayKeepsTheServersWatch() throws {
        var table = WatchTable(budget: 1_000)
        let first = try finished(&table, "/a", .getData, .ok)
        let coming = Read("/a", .getData)
        try table.reserve(for: coming.request)
        #expect(table.remove(first.watch.registration, at: a) == nil)
        let isRegistered = table.finish(coming.request, coming.watch.registration, .ok)
        #expect(isRegistered)
        #expect(table.fire(.deleted, at: a).count == 1)
    }

    /// The read has failed, or was taken back: nobody would ask for the removal any more.
    @Test(arguments: [ResultCode.connectionLoss, .noAuth, .closing], [true, false])
    func aReadThatFailsLeavesNoWatchBehind(_ code: ResultCode, isRemovalUnderWay: Bool) throws {
        var table = WatchTable(budget: 1_000)
        let first = try finished(&table, "/a", .getData, .ok)
        let coming = Read("/a", .exists)
        if isRemovalUnderWay {
            let removable = table.remove(first.watch.registration, at: a)
            #expect(removable == .dataAndExistence)
            try table.reserve(for: coming.request)
            #expect(!table.mayRemove(.dataAndExistence, at: a))
            table.putOff(.dataAndExistence, at: a)
        } else {
            try table.reserve(for: coming.request)
            #expect(table.remove(first.watch.registration, at: a) == nil)
        }
        #expect(table.unwanted.isEmpty, "it may want it")
        let isRegistered = table.finish(coming.request, coming.watch.registration, code)
        #expect(!isRegistered)
        let unwanted = table.takeUnwanted()
        #expect(unwanted.map(\.watches) == [.dataAndExistence] && unwanted.map(\.path) == [a])
        #expect(table.encodedLength > 0, "until the server has answered")
        table.removed(.dataAndExistence, at: a)
        #expect(table.encodedLength == 0)
    }

    /// What an event has taken out is not there to be taken off.
    @Test func aReadThatFailsBehindAnEventLeavesNothing() throws {
        var table = WatchTable(budget: 1_000)
        let first = try finished(&table, "/a", .getData, .ok)
        let coming = Read("/a", .getData)
        try table.reserve(for: coming.request)
        #expect(table.remove(first.watch.registration, at: a) == nil)
        #expect(table.fire(.deleted, at: a).isEmpty)
        _ = table.finish(coming.request, coming.watch.registration, .noNode)
        #expect(table.unwanted.isEmpty)
        #expect(table.encodedLength == 0)
    }

    /// Those that are set, and not those whose reads are under way.
    @Test func watchesThatAreSetAreCounted() throws {
        var table = WatchTable(budget: 1_000)
        let data = try finished(&table, "/a", .getData, .ok)
        _ = try finished(&table, "/a", .getData, .ok)
        _ = try finished(&table, "/a", .getChildren, .ok)
        _ = try finished(&table, "/b", .getData, .noNode)
        let absent = try finished(&table, "/b", .exists, .noNode)
        try table.reserve(for: Read("/a", .getData).request)
        #expect(table.setCount == 4)
        #expect(table.count == 5)
        _ = table.remove(data.watch.registration, at: a)
        _ = table.remove(data.watch.registration, at: a)
        #expect(table.setCount == 3)
        _ = table.fire(.dataChanged, at: a)
        #expect(table.setCount == 2)
        _ = table.drain()
        #expect(table.setCount == 0)
        withExtendedLifetime(absent) {}
    }
}
