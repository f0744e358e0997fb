// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper

/// A session that is connected again by the same handle: it makes sure that the server has its watches.
@Suite struct WatchCheckTests {
    private let now = Moment.now

    private func stat(_ zxid: Int64) -> ZNodeStat {
        ZNodeStat(
            czxid: Zxid(rawValue: 1), mzxid: Zxid(rawValue: zxid), pzxid: Zxid(rawValue: zxid), ctime: 0, mtime: 0,
            version: 0, cversion: 0, aversion: 0, ephemeralOwner: SessionID(rawValue: 0), dataLength: 0, numChildren: 0)
    }

    private func makeCore() -> SessionCore {
        var configuration: ZooKeeperConfiguration = "not-used:1"
        configuration.sessionTimeout = .seconds(12)
        var core = SessionCore(SessionSettings(configuration), openedAt: now)
        connect(&core)
        return core
    }

    private func connect(_ core: inout SessionCore) {
        var effects = SessionEffects()
        core.handle(
            .connected(SessionID(rawValue: 7), timeout: .seconds(12), isReadOnly: false), at: now, &effects)
        send(&core, &effects)
    }

    private func reconnect(_ core: inout SessionCore) {
        var effects = SessionEffects()
        core.handle(.disconnected, at: now, &effects)
        for pending in core.queue.allIssued { answer(pending, .failure(ResultFailure(.connectionLoss)), in: &core) }
        connect(&core)
    }

    private func send(_ core: inout SessionCore, _ effects: inout SessionEffects) {
        core.startSending(at: now, &effects)
        while effects.batch != nil { core.goOnSending(at: now, &effects) }
    }

    @discardableResult
    private func answer(
        _ pending: PendingRequest, _ result: Result<ServerResponse, ResultFailure>, in core: inout SessionCore
    ) -> SessionEffects {
        var effects = SessionEffects()
        core.answered(pending, with: result, at: now, &effects)
        send(&core, &effects)
        return effects
    }

    private func watch(_ path: ZNodePath, seen zxid: Int64 = 5, in core: inout SessionCore) throws -> Watch {
        let watch = Watch()
        let pending = PendingRequest(
            Request(path, .getData, watch: watch), below: .root, submittedAt: now, retry: .never, delegate: nil)
        var effects = SessionEffects()
        try core.admit(.single(pending), .normal, &effects)
        send(&core, &effects)
        answer(pending, .success(.node(ZNode(data: [], stat: stat(zxid)))), in: &core)
        return watch
    }

    /// The requests under way, but for heartbeats.
    private func issued(_ core: SessionCore) -> [String] {
        core.queue.allIssued.filter { $0.purpose != .heartbeat && $0.purpose != .probe }
            .map { "\($0.request.action.name) \($0.request.path?.string ?? "")" }.sorted()
    }

    private func check(_ core: SessionCore) throws -> PendingRequest {
        try #require(core.queue.allIssued.first { $0.purpose == .watchCheck })
    }

    @Test func withoutWatchesNothingIsAsked() {
        var core = makeCore()
        reconnect(&core)
        #expect(issued(core) == [])
    }

    @Test func aWatchThatIsThereIsSetAgain() throws {
        var core = makeCore()
        let watches = [try watch("/a", in: &core), try watch("/b", in: &core)]
        reconnect(&core)
        let check = try check(core)
        let path = try #require(check.request.path?.string)
        #expect(issued(core) == ["removeWatches \(path)"], "one says it for all")
        answer(check, .success(.done), in: &core)
        #expect(issued(core) == ["exists \(path)"], "and that one is off now")
        let read = try #require(core.queue.allIssued.first { $0.purpose == .watchRenewal })
        let effects = answer(read, .success(.stat(stat(6))), in: &core)
        #expect(effects.fired.count == 1, "of a change in between there is no event")
        withExtendedLifetime(watches) {}
    }

    @Test(arguments: [ResultCode.noWatcher, .unimplemented])
    func watchesThatAreNotThereAreSetAgain(_ code: ResultCode) throws {
        var core = makeCore()
        let watches = [try watch("/a", in: &core), try watch("/b", in: &core)]
        reconnect(&core)
        answer(try check(core), .failure(ResultFailure(code)), in: &core)
        #expect(issued(core) == ["exists /a", "exists /b"])
        let reads = core.queue.allIssued.filter { $0.purpose == .watchRenewal }
        // One has changed meanwhile.
        let effects = reads.map { read in
            let zxid: Int64 = read.request.path?.string == "/a" ? 6 : 5
            return answer(read, .success(.stat(stat(zxid))), in: &core)
        }
        #expect(effects.flatMap(\.fired).map(\.watch) == [watches[0].registration])
        #expect(effects.flatMap(\.fired).first?.event.kind == .dataChanged)
    }

    /// The packet that sets the watches again makes those fire whose nodes have changed: then it has been read.
    @Test func aWatchThatHasFiredWasThere() throws {
        var core = makeCore()
        let watches = [try watch("/a", in: &core), try watch("/b", in: &core)]
        reconnect(&core)
        let check = try check(core)
        var effects = SessionEffects()
        core.changed(try #require(check.request.path), .dataChanged, &effects)
        #expect(effects.fired.count == 1)
        answer(check, .failure(ResultFailure(.noWatcher)), in: &core)
        #expect(issued(core) == [])
        withExtendedLifetime(watches) {}
    }

    @Test func eachConnectionHasACheckOfItsOwn() throws {
        var core = makeCore()
        let watch = try watch("/a", in: &core)
        reconnect(&core)
        let first = try check(core)
        reconnect(&core)
        let second = try check(core)
        #expect(first !== second)
        #expect(issued(core) == ["removeWatches /a"])
        answer(second, .failure(ResultFailure(.noWatcher)), in: &core)
        #expect(issued(core) == ["exists /a"])
        // The read is lost with its connection, and sent again on the next one, where no watch is left to be checked.
        reconnect(&core)
        #expect(issued(core) == ["exists /a"])
        withExtendedLifetime(watch) {}
    }

    /// A server that has too much to do is not asked for everything at once.
    @Test func aThrottledCheckIsRepeated() throws {
        var core = makeCore()
        let watches = [try watch("/a", in: &core), try watch("/b", in: &core)]
        reconnect(&core)
        var effects = answer(try check(core), .failure(ResultFailure(.throttled)), in: &core)
        #expect(issued(core) == [])
        #expect(effects.timers.contains { $0.0 == .catchUp && $0.1 != nil })
        // By a watch that no read of this connection has set.
        let path = try #require(core.watches.checkable?.path)
        let newer = try watch(path == ServerPath("/a", below: .root) ? "/a" : "/b", in: &core)
        core.timerFired(.catchUp, at: now, &effects)
        send(&core, &effects)
        let again = try check(core)
        #expect(again.request.path != path)
        answer(again, .failure(ResultFailure(.noWatcher)), in: &core)
        #expect(issued(core) == ["exists /a", "exists /b"])
        withExtendedLifetime((watches, newer)) {}
    }

    /// What a read of another task has shown meanwhile is no news to that task, and is to the first.
    @Test(arguments: [ResultCode.ok, .noWatcher]) func aNewerReadHidesNoNews(_ code: ResultCode) throws {
        var core = makeCore()
        let first = try watch("/a", in: &core)
        reconnect(&core)
        let check = try check(core)
        let second = try watch("/a", seen: 6, in: &core)
        answer(check, code == .ok ? .success(.done) : .failure(ResultFailure(code)), in: &core)
        let read = try #require(core.queue.allIssued.first { $0.purpose == .watchRenewal })
        let effects = answer(read, .success(.stat(stat(6))), in: &core)
        #expect(effects.fired.map(\.watch).contains(first.registration))
        withExtendedLifetime(second) {}
    }

    @Test func noWatchIsSetAgainTwiceAtATime() throws {
        var core = makeCore()
        let watches = [try watch("/a", in: &core), try watch("/b", in: &core)]
        reconnect(&core)
        answer(try check(core), .failure(ResultFailure(.noWatcher)), in: &core)
        for _ in 1...3 {
            reconnect(&core)
            #expect(issued(core) == ["exists /a", "exists /b"])
        }
        // One of them is set; and the other is not asked for again.
        let read = try #require(core.queue.allIssued.first { $0.request.path?.string == "/a" })
        answer(read, .success(.stat(stat(5))), in: &core)
        reconnect(&core)
        #expect(issued(core) == ["exists /b", "removeWatches /a"])
        answer(try check(core), .failure(ResultFailure(.noWatcher)), in: &core)
        #expect(issued(core) == ["exists /a", "exists /b"])
        withExtendedLifetime(watches) {}
    }

    /// A check that was not sent does not go back to the queue: the next connection has one of its own.
    @Test func aCheckThatIsRefusedDoesNotComeBack() throws {
        var core = makeCore()
        let watch = try watch("/a", in: &core)
        var effects = SessionEffects()
        core.handle(.disconnected, at: now, &effects)
        core.handle(.connected(SessionID(rawValue: 7), timeout: .seconds(12), isReadOnly: false), at: now, &effects)
        core.startSending(at: now, &effects)
        while let batch = effects.batch {
            if case .single(let pending) = batch.entry, pending.purpose == .watchCheck {
                core.refused(pending, .connectionLoss, batch, at: now, &effects)
            }
            core.goOnSending(at: now, &effects)
        }
        reconnect(&core)
        #expect(issued(core) == ["removeWatches /a"])
        withExtendedLifetime(watch) {}
    }

    /// Its watch is told of it; and the one that `exists` has set instead, which waits for the node, is taken off.
    @Test func aNodeThatIsGoneIsTold() throws {
        var core = makeCore()
        let watch = try watch("/a", in: &core)
        reconnect(&core)
        answer(try check(core), .failure(ResultFailure(.noWatcher)), in: &core)
        let read = try #require(core.queue.allIssued.first { $0.purpose == .watchRenewal })
        let effects = answer(read, .failure(ResultFailure(.noNode)), in: &core)
        #expect(effects.fired.map(\.watch) == [watch.registration])
        #expect(effects.fired.first?.event.kind == .deleted)
        #expect(issued(core) == ["removeWatches /a"])
    }
}
