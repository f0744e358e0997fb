// SPDX-License-Identifier: Apache-2.0

import Logging
import TestSupport
import Testing
import ZooKeeper

/// A session without a transport: the consequences of everything that happens to it, in the order in which they are
/// carried out.
@Suite struct SessionCoreTests {
    private let now = Moment.now
    private let id = SessionID(rawValue: 7)
    private let stat = ZNodeStat(
        czxid: Zxid(rawValue: 1), mzxid: Zxid(rawValue: 1), pzxid: Zxid(rawValue: 1), ctime: 0, mtime: 0, version: 0,
        cversion: 0, aversion: 0, ephemeralOwner: SessionID(rawValue: 0), dataLength: 0, numChildren: 0)

    /// A lease that only listens.
    private final class Lease: Leaseholder {
        func sessionSuspended() {}
        func sessionOverdue() {}
        func sessionEnded(_ state: SessionState) {}
    }

    private func makeCore(chroot: ZNodePath = .root) throws -> SessionCore {
        var configuration: ZooKeeperConfiguration = "not-used:1"
        configuration.sessionTimeout = .seconds(12)
        configuration.chroot = chroot
        return SessionCore(SessionSettings(configuration), openedAt: now)
    }

    private func pending(
        _ path: ZNodePath, _ action: Action<TransactionStep> = .exists, watch: Watch? = nil,
        retry: PendingRequest.Retry = .never, in core: SessionCore
    ) -> PendingRequest {
        PendingRequest(
            Request(path, action, watch: watch), below: core.settings.chroot, submittedAt: now, retry: retry,
            delegate: nil)
    }

    /// Connects it, and hands over what may leave.
    ///
    /// - Returns: The paths of what has left.
    @discardableResult
    private func connect(_ core: inout SessionCore) -> [String] {
        var effects = SessionEffects()
        core.handle(.connected(id, timeout: .seconds(12), isReadOnly: false), at: now, &effects)
        core.startSending(at: now, &effects)
        return leave(&core, &effects)
    }

    private func leave(_ core: inout SessionCore, _ effects: inout SessionEffects) -> [String] {
        var paths: [String] = []
        while let batch = effects.batch {
            batch.entry.forEach { paths.append($0.request.path?.string ?? "") }
            core.goOnSending(at: now, &effects)
        }
        return paths
    }

    @Test func nothingLeavesBeforeAConnection() throws {
        var core = try makeCore(chroot: "/app")
        var effects = SessionEffects()
        try core.admit(.single(pending("/a", in: core)), .normal, &effects)
        core.startSending(at: now, &effects)
        #expect(effects.batch == nil)
        #expect(effects.timers.map(\.timer) == [.expiry])
        // The heartbeat looks for the chroot, and nothing else goes before it is answered.
        #expect(connect(&core) == ["/app"])
    }

    @Test func oneThreadHandsOver() throws {
        var core = try makeCore()
        connect(&core)
        var first = SessionEffects()
        try core.admit(.single(pending("/a", in: core)), .normal, &first)
        core.startSending(at: now, &first)
        #expect(first.batch?.entry.first?.path == "/a")
        var second = SessionEffects()
        try core.admit(.single(pending("/b", in: core)), .normal, &second)
        core.startSending(at: now, &second)
        #expect(second.batch == nil, "the first thread takes it along")
        core.goOnSending(at: now, &first)
        #expect(first.batch?.entry.first?.path == "/b")
        core.goOnSending(at: now, &first)
        #expect(first.batch == nil)
    }

    @Test func anAnswerFinishesRegistersAndMakesRoom() throws {
        var core = try makeCore()
        connect(&core)
        let watch = Watch()
        let read = pending("/a", .exists, watch: watch, in: core)
        var effects = SessionEffects()
        try core.admit(.single(read), .normal, &effects)
        core.startSending(at: now, &effects)
        #expect(leave(&core, &effects) == ["/a"])
        core.answered(read, with: .success(.stat(stat)), at: now, &effects)
        #expect(effects.registered.first === read)
        #expect(effects.finished.first?.pending === read)
        #expect(!read.isFinished, "the core calls nobody")
        var again = SessionEffects()
        core.answered(read, with: .success(.stat(stat)), at: now, &again)
        #expect(again.finished.isEmpty, "once")
        core.changed(ServerPath("/a", below: .root), .deleted, &again)
        #expect(again.fired.map(\.watch) == [watch.registration])
    }

    @Test func aLossIsToldBeforeCallersHearOfIt() throws {
        var core = try makeCore()
        connect(&core)
        let lease = Lease()
        let refusal = core.attach(lease)
        #expect(refusal == nil)
        let write = pending("/a", .delete(version: -1), in: core)
        var effects = SessionEffects()
        try core.admit(.single(write), .normal, &effects)
        core.startSending(at: now, &effects)
        #expect(leave(&core, &effects) == ["/a"])
        core.handle(.expired, at: now, &effects)
        guard case .ended(.lost(.expired), let leases, _)? = effects.notices.last else {
            Issue.record("\(effects.notices)")
            return
        }
        #expect(leases.count == 1)
        #expect(effects.closesTransport)
        var finished: [PendingRequest] = []
        effects.finished.forEach { finished.append($0.pending) }
        #expect(finished.contains { $0 === write })
        var late = SessionEffects()
        let newcomer = RequestQueue.Entry.single(pending("/b", in: core))
        #expect(throws: ZooKeeperError.self) { try core.admit(newcomer, .urgent, &late) }
    }

    @Test func aReadWhoseConnectionIsLostGoesFirstAgainAndEndsInTime() throws {
        var core = try makeCore()
        connect(&core)
        let read = pending("/a", retry: .withinRequestTimeout, in: core)
        var effects = SessionEffects()
        try core.admit(.single(read), .normal, &effects)
        core.startSending(at: now, &effects)
        _ = leave(&core, &effects)
        core.handle(.disconnected, at: now, &effects)
        core.answered(read, with: .failure(ResultFailure(.connectionLoss)), at: now, &effects)
        #expect(effects.finished.isEmpty)
        let timer = SessionEffects.Timer.read(ObjectIdentifier(read))
        #expect(effects.timers.contains { $0.timer == timer && $0.moment != nil })
        try core.admit(.single(pending("/b", in: core)), .normal, &effects)
        #expect(connect(&core).suffix(2) == ["/a", "/b"])
        var late = SessionEffects()
        core.timerFired(timer, at: now + .seconds(12), &late)
        #expect(late.finished.first?.pending === read)
    }

    /// The server keeps it for a read that is under way, and whose caller goes away.
    @Test func aWatchThatAFailedReadDoesNotWantIsTakenOff() throws {
        var core = try makeCore()
        connect(&core)
        let first = Watch()
        let read = pending("/a", .getData, watch: first, in: core)
        var effects = SessionEffects()
        try core.admit(.single(read), .normal, &effects)
        core.startSending(at: now, &effects)
        _ = leave(&core, &effects)
        core.answered(read, with: .success(.node(ZNode(data: [], stat: stat))), at: now, &effects)
        // Another is to be set at the same path when the first is let go of.
        let second = Watch()
        let again = pending("/a", .getData, watch: second, in: core)
        try core.admit(.single(again), .normal, &effects)
        core.abandon(first.registration, on: Request("/a", .exists), at: now, &effects)
        core.startSending(at: now, &effects)
        #expect(leave(&core, &effects) == ["/a"], "only the read")
        core.answered(again, with: .failure(ResultFailure(.noAuth)), at: now, &effects)
        core.startSending(at: now, &effects)
        #expect(leave(&core, &effects) == ["/a"])
        #expect(core.queue.allIssued.contains { $0.purpose == .watchRemoval })
        #expect(core.watches.count == 0)
        withExtendedLifetime(second) {}
    }

    @Test func aRefusedRequestWaitsForTheNextConnection() throws {
        var core = try makeCore()
        connect(&core)
        let read = pending("/a", in: core)
        var effects = SessionEffects()
        try core.admit(.single(read), .normal, &effects)
        core.startSending(at: now, &effects)
        let batch = try #require(effects.batch)
        core.refused(read, .connectionLoss, batch, at: now, &effects)
        core.goOnSending(at: now, &effects)
        #expect(effects.batch == nil && effects.finished.isEmpty)
        core.handle(.disconnected, at: now, &effects)
        #expect(connect(&core).contains("/a"))
    }

    /// Nobody holds the watch any more, but a caller wants it again before the removal has left.
    @Test func aRemovalThatIsNotWantedAnyMoreIsNotSent() throws {
        var core = try makeCore()
        connect(&core)
        let watch = Watch()
        let read = pending("/a", watch: watch, in: core)
        var effects = SessionEffects()
        try core.admit(.single(read), .normal, &effects)
        core.startSending(at: now, &effects)
        _ = leave(&core, &effects)
        core.answered(read, with: .success(.stat(stat)), at: now, &effects)
        core.handle(.disconnected, at: now, &effects)
        var second = SessionEffects()
        core.abandon(watch.registration, on: Request("/a", .exists), at: now, &second)
        try core.admit(.single(pending("/a", watch: Watch(), in: core)), .normal, &second)
        #expect(connect(&core).filter { $0 == "/a" }.count == 1, "the read, and no removal")
    }

    @Test func whatIsUnderWayIsAwaitedByClosing() throws {
        var core = try makeCore()
        connect(&core)
        let write = pending("/a", .delete(version: -1), in: core)
        var effects = SessionEffects()
        try core.admit(.single(write), .normal, &effects)
        core.startSending(at: now, &effects)
        _ = leave(&core, &effects)
        core.handle(.close, at: now, &effects)
        #expect(effects.timers.contains { $0.timer == .drain && $0.moment != nil })
        #expect(!effects.closesTransport)
        var late = SessionEffects()
        core.timerFired(.drain, at: now + .seconds(1), &late)
        #expect(late.closesTransport)
        #expect(core.machine.state == .closed)
    }
}
