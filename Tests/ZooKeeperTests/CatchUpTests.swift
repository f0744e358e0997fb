// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper

/// A session that goes on through a new handle: the order of what it sends, and what becomes of its watches.
@Suite struct CatchUpTests {
    private let now = Moment.now
    private let id = SessionID(rawValue: 7)

    private func stat(_ zxid: Int64, created: Int64 = 1) -> ZNodeStat {
        ZNodeStat(
            czxid: Zxid(rawValue: created), mzxid: Zxid(rawValue: zxid), pzxid: Zxid(rawValue: zxid), ctime: 0,
            mtime: 0, version: 0, cversion: 0, aversion: 0, ephemeralOwner: SessionID(rawValue: 0), dataLength: 0,
            numChildren: 0)
    }

    private func makeCore() throws -> SessionCore {
        var configuration: ZooKeeperConfiguration = "not-used:1"
        configuration.sessionTimeout = .seconds(12)
        configuration.chroot = "/app"
        var core = SessionCore(SessionSettings(configuration), openedAt: now)
        connect(&core)
        // The chroot is there.
        for pending in issued(core) { answer(pending, .success(.stat(stat(1))), in: &core) }
        return core
    }

    private func connect(_ core: inout SessionCore) {
        var effects = SessionEffects()
        core.handle(.connected(id, timeout: .seconds(12), isReadOnly: false), at: now, &effects)
        send(&core, &effects)
    }

    /// Hands over what may leave.
    private func send(_ core: inout SessionCore, _ effects: inout SessionEffects) {
        core.startSending(at: now, &effects)
        while effects.batch != nil { core.goOnSending(at: now, &effects) }
    }

    private func issued(_ core: SessionCore) -> [PendingRequest] { core.queue.allIssued }

    private func paths(_ core: SessionCore) -> [String] {
        issued(core).map { "\($0.request.action.name) \($0.request.path?.string ?? "")" }.sorted()
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

    /// Reads a node with a watch, and gets `result`.
    private func watch(
        _ path: ZNodePath, _ action: Action<TransactionStep>, _ result: Result<ServerResponse, ResultFailure>,
        in core: inout SessionCore
    ) throws -> Watch {
        let watch = Watch()
        let pending = PendingRequest(
            Request(path, action, watch: watch), below: "/app", submittedAt: now, retry: .never, delegate: nil)
        var effects = SessionEffects()
        try core.admit(.single(pending), .normal, &effects)
        send(&core, &effects)
        answer(pending, result, in: &core)
        return watch
    }

    /// The old handle is gone, and the new one has connected.
    private func move(_ core: inout SessionCore) {
        var effects = SessionEffects()
        core.handle(.disconnected, at: now, &effects)
        core.replacing(at: now, &effects)
        send(&core, &effects)
        connect(&core)
    }

    private func issuedRequest(_ name: String, in core: SessionCore) throws -> PendingRequest {
        try #require(issued(core).first { "\($0.request.action.name) \($0.request.path?.string ?? "")" == name })
    }

    @Test func nothingLeavesBeforeTheSyncAndTheWatches() throws {
        var core = try makeCore()
        let watch = try watch("/a", .getData, .success(.node(ZNode(data: [], stat: stat(5)))), in: &core)
        move(&core)
        let read = PendingRequest(
            Request("/b", .exists), below: "/app", submittedAt: now, retry: .never, delegate: nil)
        var effects = SessionEffects()
        try core.admit(.single(read), .normal, &effects)
        send(&core, &effects)
        #expect(
            paths(core) == ["exists /app", "sync /app"], "a heartbeat may: what it says of the tree does not count")
        answer(try issuedRequest("sync /app", in: core), .success(.done), in: &core)
        #expect(paths(core) == ["exists /app", "get /app/a"])
        let renewed = answer(
            try issuedRequest("get /app/a", in: core), .success(.node(ZNode(data: [], stat: stat(5)))), in: &core)
        #expect(renewed.fired.isEmpty, "nothing has changed")
        #expect(paths(core) == ["exists /app", "exists /app/b"])
        // And it is set.
        core.changed(ServerPath("/a", below: "/app"), .dataChanged, &effects)
        #expect(effects.fired.map(\.watch) == [watch.registration])
    }

    @Test(arguments: [
        (Action<TransactionStep>.getData, 6, 1, WatchEvent.Kind.dataChanged),
        // Deleted and created again, by a transaction of the same number as an earlier change of the data.
        (.getData, 5, 5, .dataChanged),
        (.getChildren, 6, 1, .childrenChanged),
    ]) func aNodeThatHasChangedMeanwhileFires(
        _ read: Action<TransactionStep>, _ zxid: Int, _ created: Int, _ kind: WatchEvent.Kind
    ) throws {
        var core = try makeCore()
        func response(_ stat: ZNodeStat) -> ServerResponse {
            read == .getChildren ? .children([], stat) : .node(ZNode(data: [], stat: stat))
        }
        let watch = try watch("/a", read, .success(response(stat(5))), in: &core)
        move(&core)
        answer(try issuedRequest("sync /app", in: core), .success(.done), in: &core)
        let renewal = try issuedRequest("\(read.name) /app/a", in: core)
        let effects = answer(
            renewal, .success(response(stat(Int64(zxid), created: Int64(created)))), in: &core)
        #expect(effects.fired.map(\.watch) == [watch.registration])
        #expect(effects.fired.first?.event.kind == kind)
        // The read has set it on the new handle, and nobody holds it.
        #expect(paths(core).contains("removeWatches /app/a"))
        var again = SessionEffects()
        core.changed(ServerPath("/a", below: "/app"), kind, &again)
        #expect(again.fired.isEmpty, "once")
    }

    @Test func aNodeThatIsGoneFires() throws {
        var core = try makeCore()
        let data = try watch("/a", .getData, .success(.node(ZNode(data: [], stat: stat(5)))), in: &core)
        let children = try watch("/a", .getChildren, .success(.children([], stat(5))), in: &core)
        move(&core)
        answer(try issuedRequest("sync /app", in: core), .success(.done), in: &core)
        var fired: [WatchRegistration] = []
        for name in ["get /app/a", "children /app/a"] {
            let effects = answer(try issuedRequest(name, in: core), .failure(ResultFailure(.noNode)), in: &core)
            #expect(effects.fired.allSatisfy { $0.event.kind == .deleted })
            fired += effects.fired.map(\.watch)
        }
        #expect(fired == [data.registration, children.registration])
    }

    @Test func anAbsentNodeThatIsThereNowFires() throws {
        var core = try makeCore()
        let absent = try watch("/a", .exists, .failure(ResultFailure(.noNode)), in: &core)
        let still = try watch("/b", .exists, .failure(ResultFailure(.noNode)), in: &core)
        move(&core)
        answer(try issuedRequest("sync /app", in: core), .success(.done), in: &core)
        let created = answer(
            try issuedRequest("exists /app/a", in: core), .success(.stat(stat(9, created: 9))), in: &core)
        #expect(created.fired.map(\.watch) == [absent.registration])
        #expect(created.fired.first?.event.kind == .created)
        let quiet = answer(try issuedRequest("exists /app/b", in: core), .failure(ResultFailure(.noNode)), in: &core)
        #expect(quiet.fired.isEmpty)
        var effects = SessionEffects()
        core.changed(ServerPath("/b", below: "/app"), .created, &effects)
        #expect(effects.fired.map(\.watch) == [still.registration])
    }

    /// Servers of version 3.9.3 refuse `exists` then.
    @Test func anAbsentNodeThatIsThereNowAndMayNotBeReadFires() throws {
        var core = try makeCore()
        let absent = try watch("/a", .exists, .failure(ResultFailure(.noNode)), in: &core)
        move(&core)
        answer(try issuedRequest("sync /app", in: core), .success(.done), in: &core)
        let created = answer(try issuedRequest("exists /app/a", in: core), .failure(ResultFailure(.noAuth)), in: &core)
        #expect(created.fired.map(\.watch) == [absent.registration])
        #expect(created.fired.first?.event.kind == .created)
    }

    /// The news would otherwise be lost without a word.
    @Test func aNodeThatCannotBeReadAnyMoreFires() throws {
        var core = try makeCore()
        let watch = try watch("/a", .getData, .success(.node(ZNode(data: [], stat: stat(5)))), in: &core)
        move(&core)
        answer(try issuedRequest("sync /app", in: core), .success(.done), in: &core)
        let effects = answer(try issuedRequest("get /app/a", in: core), .failure(ResultFailure(.noAuth)), in: &core)
        #expect(effects.fired.map(\.watch) == [watch.registration])
    }

    /// A server of the new handle may lag behind what was seen over the old one.
    @Test func aSyncThatIsLostIsSentAgainBeforeAnythingElse() throws {
        var core = try makeCore()
        let watch = try watch("/a", .getData, .success(.node(ZNode(data: [], stat: stat(5)))), in: &core)
        move(&core)
        var effects = SessionEffects()
        let sync = try issuedRequest("sync /app", in: core)
        core.handle(.disconnected, at: now, &effects)
        for pending in issued(core) { answer(pending, .failure(ResultFailure(.connectionLoss)), in: &core) }
        connect(&core)
        #expect(paths(core) == ["exists /app", "sync /app"])
        #expect(try issuedRequest("sync /app", in: core) !== sync)
        withExtendedLifetime(watch) {}
    }

    @Test func aSecondMoveBeginsAnew() throws {
        var core = try makeCore()
        let watch = try watch("/a", .getData, .success(.node(ZNode(data: [], stat: stat(5)))), in: &core)
        move(&core)
        answer(try issuedRequest("sync /app", in: core), .success(.done), in: &core)
        #expect(paths(core) == ["exists /app", "get /app/a"])
        move(&core)
        #expect(paths(core) == ["exists /app", "sync /app"], "no read of the first move, whose server is another")
        answer(try issuedRequest("sync /app", in: core), .success(.done), in: &core)
        let effects = answer(
            try issuedRequest("get /app/a", in: core), .success(.node(ZNode(data: [], stat: stat(6)))), in: &core)
        #expect(effects.fired.map(\.watch) == [watch.registration])
    }

    /// A write that the old handle had is of unknown outcome.
    @Test func whatTheOldHandleHasNotAnsweredFails() throws {
        var core = try makeCore()
        let write = PendingRequest(
            Request("/a", .delete(version: -1)), below: "/app", submittedAt: now, retry: .never, delegate: nil)
        var effects = SessionEffects()
        try core.admit(.single(write), .normal, &effects)
        send(&core, &effects)
        core.replacing(at: now, &effects)
        var answers: [PendingRequest.Answer] = []
        effects.finished.forEach { if $0.pending === write { answers.append($0.answer) } }
        guard case .failure(let error)? = answers.first else {
            Issue.record("\(answers)")
            return
        }
        #expect(error.code == .connectionLoss)
        #expect(error.execution == .unknown)
    }

    /// A thread may have it in hand while the session moves.
    @Test func whatIsRefusedAfterTheMoveIsNotSentTwice() throws {
        var core = try makeCore()
        let read = PendingRequest(
            Request("/a", .getData), below: "/app", submittedAt: now, retry: .withinRequestTimeout, delegate: nil)
        var effects = SessionEffects()
        try core.admit(.single(read), .normal, &effects)
        core.startSending(at: now, &effects)
        let batch = try #require(effects.batch)
        var moved = SessionEffects()
        core.handle(.disconnected, at: now, &moved)
        core.replacing(at: now, &moved)
        core.refused(read, .connectionLoss, batch, at: now, &moved)
        core.goOnSending(at: now, &moved)
        #expect(issued(core).isEmpty)
        connect(&core)
        answer(try issuedRequest("sync /app", in: core), .success(.done), in: &core)
        #expect(paths(core).count { $0 == "get /app/a" } == 1)
    }

    @Test func aConnectionThatIsHeardOfBeforeItsHandleIsNotWaitedFor() throws {
        var core = try makeCore()
        var effects = SessionEffects()
        core.opened(["1:1"], isNew: true, at: now, &effects)
        #expect(effects.timers.allSatisfy { $0.0 != .addresses || $0.1 == nil })
    }

    @Test func aWatchThatNobodyHoldsIsNotSetAgain() throws {
        var core = try makeCore()
        let watch = try watch("/a", .getData, .success(.node(ZNode(data: [], stat: stat(5)))), in: &core)
        move(&core)
        var effects = SessionEffects()
        core.abandon(watch.registration, on: Request("/a", .exists), at: now, &effects)
        send(&core, &effects)
        answer(try issuedRequest("sync /app", in: core), .success(.done), in: &core)
        #expect(!paths(core).contains("get /app/a"))
    }

    /// Its server may not know the chroot yet.
    @Test func aProbeInFrontOfTheSyncIsMadeAgain() throws {
        var configuration: ZooKeeperConfiguration = "not-used:1"
        configuration.sessionTimeout = .seconds(12)
        configuration.chroot = "/app"
        // They are shown on each connection, so an answer is waited for.
        configuration.credentials = [.digest(user: "a", password: "b")]
        var core = SessionCore(SessionSettings(configuration), openedAt: now)
        connect(&core)
        for pending in issued(core) { answer(pending, .success(.stat(stat(1))), in: &core) }
        move(&core)
        let read = PendingRequest(
            Request("/b", .exists), below: "/app", submittedAt: now, retry: .never, delegate: nil)
        var effects = SessionEffects()
        try core.admit(.single(read), .normal, &effects)
        let early = answer(try issuedRequest("exists /app", in: core), .failure(ResultFailure(.noNode)), in: &core)
        #expect(early.finished.isEmpty)
        #expect(paths(core) == ["sync /app"])
        answer(try issuedRequest("sync /app", in: core), .success(.done), in: &core)
        #expect(paths(core) == ["exists /app"])
        answer(try issuedRequest("exists /app", in: core), .success(.stat(stat(1))), in: &core)
        #expect(paths(core) == ["exists /app/b"])
    }

    /// Its holder has let go of it in the meantime, and the new handle did not know of it yet.
    @Test(arguments: [true, false]) func aWatchThatIsSetAgainForNobodyIsTakenOff(isThere: Bool) throws {
        var core = try makeCore()
        let result: Result<ServerResponse, ResultFailure> =
            isThere ? .success(.node(ZNode(data: [], stat: stat(5)))) : .failure(ResultFailure(.noNode))
        let watch = try watch("/a", isThere ? .getData : .exists, result, in: &core)
        move(&core)
        answer(try issuedRequest("sync /app", in: core), .success(.done), in: &core)
        let name = isThere ? "get /app/a" : "exists /app/a"
        let throttled = answer(try issuedRequest(name, in: core), .failure(ResultFailure(.throttled)), in: &core)
        var effects = SessionEffects()
        core.abandon(watch.registration, on: Request("/a", .exists), at: now, &effects)
        core.startSending(at: now, &effects)
        if let batch = effects.batch, let removal = batch.entry.first {
            // C knows no such watch.
            core.refused(removal, .noWatcher, batch, at: now, &effects)
            core.goOnSending(at: now, &effects)
        }
        try repetitions(throttled, in: &core)
        answer(try issuedRequest(name, in: core), result, in: &core)
        #expect(paths(core).contains("removeWatches /app/a"))
        #expect(core.catchUp == .done)
    }

    // MARK: Busy servers

    /// Lets the time pass for which a busy server is left alone.
    private func repetitions(_ effects: SessionEffects, in core: inout SessionCore) throws {
        let timer = try #require(effects.timers.first { $0.timer == .catchUp })
        let moment = try #require(timer.moment)
        #expect(moment > now)
        var effects = SessionEffects()
        core.timerFired(.catchUp, at: moment, &effects)
        send(&core, &effects)
    }

    @Test func aThrottledSyncIsSentAgainAfterAWhile() throws {
        var core = try makeCore()
        move(&core)
        let effects = answer(try issuedRequest("sync /app", in: core), .failure(ResultFailure(.throttled)), in: &core)
        #expect(paths(core) == ["exists /app"])
        try repetitions(effects, in: &core)
        #expect(paths(core) == ["exists /app", "sync /app"])
        // Once, however the connection fares meanwhile.
        let again = answer(try issuedRequest("sync /app", in: core), .failure(ResultFailure(.throttled)), in: &core)
        var lost = SessionEffects()
        core.handle(.disconnected, at: now, &lost)
        try repetitions(again, in: &core)
        connect(&core)
        #expect(paths(core).count { $0 == "sync /app" } == 1)
    }

    @Test func aThrottledWatchIsSetAgainAfterAWhile() throws {
        var core = try makeCore()
        let watch = try watch("/a", .getData, .success(.node(ZNode(data: [], stat: stat(5)))), in: &core)
        move(&core)
        answer(try issuedRequest("sync /app", in: core), .success(.done), in: &core)
        let renewal = try issuedRequest("get /app/a", in: core)
        let effects = answer(renewal, .failure(ResultFailure(.throttled)), in: &core)
        #expect(paths(core) == ["exists /app"])
        #expect(core.catchUp == .renewing(1))
        try repetitions(effects, in: &core)
        let renewed = answer(
            try issuedRequest("get /app/a", in: core), .success(.node(ZNode(data: [], stat: stat(6)))), in: &core)
        #expect(renewed.fired.map(\.watch) == [watch.registration])
        #expect(core.catchUp == .done)
    }

    /// A session that waited for it would hand nothing over any more.
    @Test func aWatchThatTheTransportRefusesIsSetAgainAfterAWhile() throws {
        var core = try makeCore()
        let watch = try watch("/a", .getData, .success(.node(ZNode(data: [], stat: stat(5)))), in: &core)
        move(&core)
        var effects = SessionEffects()
        core.answered(try issuedRequest("sync /app", in: core), with: .success(.done), at: now, &effects)
        core.startSending(at: now, &effects)
        let batch = try #require(effects.batch)
        let renewal = try #require(batch.entry.first)
        #expect(renewal.purpose == .watchRenewal)
        core.refused(renewal, .marshallingError, batch, at: now, &effects)
        core.goOnSending(at: now, &effects)
        #expect(effects.finished.isEmpty)
        try repetitions(effects, in: &core)
        answer(try issuedRequest("get /app/a", in: core), .success(.node(ZNode(data: [], stat: stat(5)))), in: &core)
        #expect(core.catchUp == .done)
        withExtendedLifetime(watch) {}
    }

    /// However many watches there are: leases wait for it.
    @Test func aHeartbeatGoesBeforeTheWatches() throws {
        var core = try makeCore()
        var watches: [Watch] = []
        for index in 0..<500 {
            let path = try ZNodePath("/n\(index)")
            watches.append(
                try watch(path, .getData, .success(.node(ZNode(data: [], stat: stat(5)))), in: &core))
        }
        move(&core)
        for pending in issued(core) where pending.request.action.name == "exists" {
            answer(pending, .success(.stat(stat(1))), in: &core)
        }
        answer(try issuedRequest("sync /app", in: core), .success(.done), in: &core)
        #expect(issued(core).count == RequestQueue.urgentLimit)
        var effects = SessionEffects()
        core.handle(.tick, at: now + .seconds(4), &effects)
        send(&core, &effects)
        let first = try #require(issued(core).first)
        answer(first, .success(.node(ZNode(data: [], stat: stat(5)))), in: &core)
        #expect(paths(core).contains("exists /app"), "with the first place that is free")
        withExtendedLifetime(watches) {}
    }

    /// Those that have been set again are not on the next connection, if its server refuses the packet that sets them.
    @Test func aReconnectWhileTheWatchesAreSetBeginsAnew() throws {
        var core = try makeCore()
        let watches = [
            try watch("/a", .getData, .success(.node(ZNode(data: [], stat: stat(5)))), in: &core),
            try watch("/b", .getData, .success(.node(ZNode(data: [], stat: stat(5)))), in: &core),
        ]
        move(&core)
        answer(try issuedRequest("sync /app", in: core), .success(.done), in: &core)
        answer(try issuedRequest("get /app/a", in: core), .success(.node(ZNode(data: [], stat: stat(5)))), in: &core)
        var effects = SessionEffects()
        core.handle(.disconnected, at: now, &effects)
        for pending in issued(core) { answer(pending, .failure(ResultFailure(.connectionLoss)), in: &core) }
        connect(&core)
        #expect(paths(core).filter { $0.hasPrefix("get") } == ["get /app/a", "get /app/b"])
        #expect(core.catchUp == .renewing(2))
        for path in ["get /app/a", "get /app/b"] {
            answer(try issuedRequest(path, in: core), .success(.node(ZNode(data: [], stat: stat(5)))), in: &core)
        }
        #expect(core.catchUp == .done)
        withExtendedLifetime(watches) {}
    }
}
