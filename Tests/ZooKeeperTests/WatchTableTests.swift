import TestSupport
import Testing
import ZooKeeper

/// The C client's rules (`zk_hashtable.c`): an answered read registers, an event takes out.
@Suite struct WatchTableTests {
    private func request(_ kind: Request.Kind) -> Request { Request(kind, watch: Watch()) }

    private func finished(_ table: inout WatchTable, _ kind: Request.Kind, _ code: ResultCode) throws -> Request {
        let request = request(kind)
        try table.reserve(for: request)
        _ = table.finish(request, code)
        return request
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
            try finished(&table, .getData(path: "/a"), .ok),
            try finished(&table, .exists(path: "/a"), .noNode),
            try finished(&table, .getChildren(path: "/a"), .ok),
        ]
        _ = try finished(&table, .getData(path: "/b"), .ok)
        let fired = table.fire(kind, at: "/a")
        for (request, isExpected) in zip(requests, fires) {
            #expect(fired.contains { $0 === request.watch?.registration } == isExpected)
        }
        #expect(table.fire(kind, at: "/a").isEmpty, "once")
    }

    /// The server keeps one watch for all of a path: it must not be asked to remove it while a new read wants it again.
    @Test func aRemovalGivesWayToANewRead() throws {
        var table = WatchTable(budget: 1_000)
        let old = try finished(&table, .getData(path: "/a"), .ok)
        let registration = try #require(old.watch?.registration)
        let removed = table.remove(registration, at: "/a")
        let removable = try #require(removed)
        #expect(table.mayRemove(removable, at: "/a"))
        let new = request(.exists(path: "/a"))
        try table.reserve(for: new)
        #expect(!table.mayRemove(removable, at: "/a"), "a read is under way")
        _ = table.finish(new, .ok)
        #expect(!table.mayRemove(removable, at: "/a"), "its watch is set")
        table.removed(removable, at: "/a")
        let fired = table.fire(.dataChanged, at: "/a")
        #expect(fired.count == 1)
    }

    /// The paths are equal strings, and two nodes.
    @Test func anEventFiresOnlyTheWatchesOfItsBytes() throws {
        var table = WatchTable(budget: 1_000)
        let composed = try finished(&table, .getData(path: "/\u{E9}"), .ok)
        let decomposed = try finished(&table, .getData(path: "/e\u{301}"), .ok)
        #expect(table.encodedLength == 3 + 4 + 4 + 4)
        let fired = table.fire(.deleted, at: "/e\u{301}")
        #expect(fired.count == 1 && fired.first === decomposed.watch?.registration)
        #expect(table.fire(.deleted, at: "/\u{E9}").first === composed.watch?.registration)
        #expect(table.encodedLength == 0)
    }

    @Test func anExistingNodeIsWatchedForItsData() throws {
        var table = WatchTable(budget: 1_000)
        let request = try finished(&table, .exists(path: "/a"), .ok)
        #expect(table.fire(.dataChanged, at: "/a").first === request.watch?.registration)
    }

    @Test(arguments: [ResultCode.connectionLoss, .noAuth, .sessionExpired])
    func aFailedReadRegistersNothing(_ code: ResultCode) throws {
        var table = WatchTable(budget: 1_000)
        _ = try finished(&table, .getData(path: "/a"), code)
        _ = try finished(&table, .getData(path: "/a"), .noNode)
        _ = try finished(&table, .exists(path: "/a"), code)
        #expect(table.count == 0)
        #expect(table.encodedLength == 0)
    }

    @Test func theBudgetCountsEveryPathOfATableOnce() async throws {
        var table = WatchTable(budget: 6 + 6 + 7)
        _ = try finished(&table, .getData(path: "/a"), .ok)
        _ = try finished(&table, .getData(path: "/a"), .ok)
        _ = try finished(&table, .getChildren(path: "/a"), .ok)
        #expect(table.encodedLength == 12)
        _ = try finished(&table, .getData(path: "/bb"), .ok)
        await expectFailure(.watchBudgetExceeded) { try table.reserve(for: request(.getChildren(path: "/c"))) }
        #expect(table.fire(.dataChanged, at: "/bb").count == 1)
        #expect(throws: Never.self) { try table.reserve(for: request(.getChildren(path: "/c"))) }
    }

    @Test func theLastOneToGoIsTakenOffTheServer() throws {
        var table = WatchTable(budget: 1_000)
        let first = try finished(&table, .getData(path: "/a"), .ok)
        let second = try finished(&table, .exists(path: "/a"), .noNode)
        let child = try finished(&table, .getChildren(path: "/a"), .ok)
        func remove(_ request: Request) throws -> RemovableWatches? {
            table.remove(try #require(request.watch).registration, at: "/a")
        }
        #expect(try remove(first) == nil, "the server keeps data and existence watches together")
        #expect(try remove(second) == .dataAndExistence)
        #expect(try remove(child) == .children)
        #expect(try remove(child) == nil)
        #expect(table.encodedLength > 0, "until the server has answered, it would set them again")
        table.removed(.dataAndExistence, at: "/a")
        table.removed(.children, at: "/a")
        #expect(table.encodedLength == 0)
    }

    @Test func aReadUnderWayKeepsTheServersWatch() throws {
        var table = WatchTable(budget: 1_000)
        let first = try finished(&table, .getData(path: "/a"), .ok)
        let coming = request(.getData(path: "/a"))
        try table.reserve(for: coming)
        #expect(table.remove(try #require(first.watch).registration, at: "/a") == nil)
        let isRegistered = table.finish(coming, .ok)
        #expect(isRegistered)
        #expect(table.fire(.deleted, at: "/a").count == 1)
    }
}
