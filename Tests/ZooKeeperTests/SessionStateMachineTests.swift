// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeper

@Suite struct SessionStateMachineTests {
    private let start = Moment.now
    private let id = SessionID(rawValue: 7)

    /// Time-out 12 s: heartbeats every 2 s, margin 3 s.
    private func connectedMachine(hasLeases: Bool = false) -> SessionStateMachine {
        var machine = SessionStateMachine(.init(requestedTimeout: .seconds(12)), openedAt: start)
        machine.hasLeases = hasLeases
        _ = machine.handle(.connected(id, timeout: .seconds(12), isReadOnly: false), at: start)
        return machine
    }

    @Test func connects() {
        var machine = SessionStateMachine(.init(requestedTimeout: .seconds(12)), openedAt: start)
        #expect(machine.state == .connecting)
        #expect(machine.nextTick == nil)
        let effects = machine.handle(.connected(id, timeout: .seconds(6), isReadOnly: false), at: start)
        #expect(effects == [.stateChanged, .connectionUp, .heartbeat(toLeader: false)])
        #expect(machine.state == .connected(id))
        #expect(machine.timeout == .seconds(6))
        #expect(machine.heartbeatInterval == .seconds(1))
    }

    @Test(arguments: [
        (SessionID(rawValue: 0), Duration.seconds(6), false),
        (SessionID(rawValue: 1), .zero, false),
        (SessionID(rawValue: 1), .seconds(-1), false),
        (SessionID(rawValue: 1), .milliseconds(540_291_120), false),
        (SessionID(rawValue: 1), .seconds(6), true),
    ])
    func aHandshakeThatMakesNoSenseEndsIt(_ id: SessionID, _ timeout: Duration, _ isReadOnly: Bool) {
        var machine = SessionStateMachine(.init(requestedTimeout: .seconds(6)), openedAt: start)
        let effects = machine.handle(.connected(id, timeout: timeout, isReadOnly: isReadOnly), at: start)
        guard case .lost(.protocolViolation) = machine.state else {
            Issue.record("\(machine.state)")
            return
        }
        #expect(effects.contains(.stateChanged))
    }

    @Test func marginIsNeverMoreThanHalf() {
        var machine = SessionStateMachine(.init(requestedTimeout: .seconds(1)), openedAt: start)
        #expect(machine.margin == .milliseconds(500))
        _ = machine.handle(.connected(id, timeout: .seconds(60), isReadOnly: false), at: start)
        #expect(machine.margin == .seconds(11))
        let own = SessionStateMachine(.init(requestedTimeout: .seconds(60), margin: .seconds(2)), openedAt: start)
        #expect(own.margin == .seconds(2))
    }

    /// A heartbeat's interval and half a tick, at least one tick, at most half the time-out.
    @Test(arguments: [
        (Duration.milliseconds(1), Duration.microseconds(500)), (.seconds(2), .seconds(1)), (.seconds(4), .seconds(2)),
        (.seconds(6), .seconds(2)), (.seconds(9), .milliseconds(2_500)), (.seconds(10), .seconds(10) / 6 + .seconds(1)),
        (.seconds(30), .seconds(6)),
    ])
    func theMarginOfShortTimeouts(_ timeout: Duration, _ margin: Duration) {
        let machine = SessionStateMachine(.init(requestedTimeout: timeout), openedAt: start)
        #expect(machine.margin == margin)
        // A lease outlives the heartbeat that is to renew it, three times over.
        #expect(timeout - machine.margin >= machine.heartbeatInterval * 3)
    }

    /// A margin that the negotiated time-out does not allow is clamped, and reported.
    @Test(arguments: [(45, 40, 20), (10, 4, 2), (5, 40, 5), (0, 4, 0), (3_155_760_000, 40, 20)])
    func aMarginThatLeavesNoLeaseIsClamped(_ wanted: Int, _ timeout: Int, _ margin: Int) {
        var machine = SessionStateMachine(
            .init(requestedTimeout: .seconds(60), margin: .seconds(wanted)), openedAt: start)
        _ = machine.handle(.connected(id, timeout: .seconds(timeout), isReadOnly: false), at: start)
        #expect(machine.margin == .seconds(margin))
        #expect(machine.leasesExpireBy == start + .seconds(timeout - margin))
        #expect((machine.clampedSettings?.contains("leaseMargin") ?? false) == (wanted != margin))
    }

    /// A session that is abandoned earlier than the servers end it would be left behind alive.
    @Test(arguments: [(1, 12, 12), (12, 12, 12), (60, 12, 60)])
    func noSessionIsGivenUpBeforeItsTimeout(_ wanted: Int, _ timeout: Int, _ limit: Int) {
        var machine = SessionStateMachine(
            .init(requestedTimeout: .seconds(12), abandonAfter: .seconds(wanted)), openedAt: start)
        _ = machine.handle(.connected(id, timeout: .seconds(timeout), isReadOnly: false), at: start)
        #expect((machine.clampedSettings?.contains("abandonAfter") ?? false) == (wanted < timeout))
        _ = machine.handle(.disconnected, at: start)
        _ = machine.handle(.tick, at: start + .seconds(limit) - .milliseconds(1))
        #expect(!machine.state.isFinal)
        _ = machine.handle(.tick, at: start + .seconds(limit))
        #expect(machine.state == .lost(.abandoned))
    }

    @Test func leasesCountFromTheSendingOfWhatTheLeaderAnswered() {
        var machine = connectedMachine()
        _ = machine.answered(sentAt: start + .seconds(4), byLeader: true, at: start + .seconds(5))
        #expect(machine.leasesExpireBy == start + .seconds(4 + 12 - 3))
        _ = machine.answered(sentAt: start + .seconds(6), byLeader: false, at: start + .seconds(6))
        #expect(machine.leasesExpireBy == start + .seconds(13), "a read proves nothing about the leader")
        _ = machine.answered(sentAt: start + .seconds(2), byLeader: true, at: start + .seconds(7))
        #expect(machine.leasesExpireBy == start + .seconds(13), "an older one changes nothing")
    }

    @Test func heartbeatsGoOutInTime() {
        var machine = connectedMachine()
        #expect(machine.nextTick == start + .seconds(2))
        #expect(machine.handle(.tick, at: start + .seconds(2)) == [.heartbeat(toLeader: false)])
        #expect(machine.nextTick == start + .seconds(4), "not at once again, while it is under way")
        _ = machine.answered(sentAt: start + .seconds(3), byLeader: false, at: start + .seconds(3))
        #expect(machine.handle(.tick, at: start + .seconds(4)) == [], "any answer will do")
        machine.hasLeases = true
        #expect(
            machine.handle(.tick, at: start + .seconds(5)) == [.heartbeat(toLeader: true)],
            "for leases, only the leader's")
    }

    @Test func leasesEndAtTheirDeadlineThoughReadsAreAnswered() {
        var machine = connectedMachine(hasLeases: true)
        _ = machine.answered(sentAt: start + .seconds(8), byLeader: false, at: start + .seconds(8))
        #expect(machine.handle(.tick, at: start + .seconds(9)).contains(.leasesOverdue))
        #expect(machine.state == .connected(id))
        #expect(!machine.handle(.tick, at: start + .seconds(10)).contains(.leasesOverdue), "told once")
        _ = machine.answered(sentAt: start + .seconds(10), byLeader: true, at: start + .seconds(10))
        #expect(machine.handle(.tick, at: start + .seconds(19)).contains(.leasesOverdue), "and once again later")
    }

    @Test func isSuspendedThenOverdueThenGivenUp() {
        var machine = connectedMachine()
        #expect(machine.handle(.disconnected, at: start + .seconds(8)) == [.connectionDown, .stateChanged])
        #expect(machine.state == .suspended(id, expiresBy: (start + .seconds(9)).instant))
        #expect(machine.handle(.disconnected, at: start + .seconds(8)) == [])
        #expect(machine.handle(.tick, at: start + .seconds(9)) == [.stateChanged])
        #expect(machine.state == .overdue(id))
        #expect(
            machine.handle(.tick, at: start + .seconds(24)) == [
                .connectionDown, .stateChanged, .ended(.lost(.abandoned)),
            ])
        #expect(machine.state == .lost(.abandoned))
        #expect(machine.nextTick == nil)
        #expect(machine.handle(.connected(id, timeout: .seconds(12), isReadOnly: false), at: start) == [])
    }

    @Test func comesBackAfterBeingOverdue() {
        var machine = connectedMachine(hasLeases: true)
        _ = machine.handle(.disconnected, at: start + .seconds(8))
        #expect(machine.handle(.tick, at: start + .seconds(10)) == [.leasesOverdue, .stateChanged])
        let effects = machine.handle(
            .connected(id, timeout: .seconds(12), isReadOnly: false), at: start + .seconds(11))
        #expect(effects == [.stateChanged, .connectionUp, .heartbeat(toLeader: true)])
        #expect(machine.state == .connected(id))
        #expect(machine.leasesExpireBy < start + .seconds(11), "a connection alone proves nothing for leases")
    }

    @Test func aConnectionWithoutALossBeforeIsBoth() {
        var machine = connectedMachine()
        let effects = machine.handle(.connected(id, timeout: .seconds(12), isReadOnly: false), at: start)
        #expect(effects == [.connectionDown, .stateChanged, .connectionUp, .heartbeat(toLeader: false)])
    }

    @Test func anotherIdMeansExpired() {
        var machine = connectedMachine()
        _ = machine.handle(
            .connected(SessionID(rawValue: 8), timeout: .seconds(12), isReadOnly: false), at: start)
        #expect(machine.state == .lost(.expired))
    }

    @Test func endsOnce() {
        var machine = connectedMachine()
        #expect(machine.handle(.expired, at: start).contains(.ended(.lost(.expired))))
        #expect(machine.handle(.authenticationFailed, at: start) == [])
        #expect(machine.handle(.close, at: start) == [])
        #expect(machine.handle(.drained, at: start) == [])
        #expect(machine.state == .lost(.expired))
    }

    // MARK: Closing

    @Test func isClosedWhenNothingIsHeldAndAllIsDrained() throws {
        var machine = connectedMachine()
        let known = machine.beginHold(at: "/a")
        let first = try #require(known)
        #expect(machine.handle(.retire, at: start) == [.retiring])
        #expect(machine.handle(.retire, at: start) == [], "told once")
        let refused = machine.beginHold(at: "/b")
        #expect(refused == nil, "nothing new is held")
        let taken = machine.beginHold(at: "/c", isContinued: true)
        let continued = try #require(taken)
        #expect(machine.handle(.close, at: start) == [])
        #expect(machine.handle(.drained, at: start) == [], "something is held")
        #expect(machine.handle(.holdEnded(first), at: start) == [])
        #expect(machine.state == .connected(id), "requests go on")
        #expect(machine.handle(.holdEnded(continued), at: start) == [.draining])
        #expect(machine.handle(.drained, at: start) == [.connectionDown, .stateChanged, .ended(.closed)])
        #expect(machine.state == .closed)
        #expect(machine.handle(.expired, at: start) == [])
        #expect(machine.closing.phase == .closing)
        machine.transportClosed()
        #expect(machine.closing.phase == .closed)
    }

    @Test func aSessionThatIsLostDoesNotDrain() throws {
        var machine = connectedMachine()
        let known = machine.beginHold(at: "/a")
        let hold = try #require(known)
        _ = machine.handle(.close, at: start)
        _ = machine.handle(.expired, at: start)
        #expect(machine.handle(.holdEnded(hold), at: start) == [])
        #expect(machine.closing.held == [], "and is counted out all the same")
        #expect(machine.state == .lost(.expired))
    }
}
