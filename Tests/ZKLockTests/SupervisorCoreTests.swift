// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import zklock

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The decisions of the supervisor. Times are in seconds here.
@Suite struct SupervisorCoreTests {
    typealias Action = SupervisorCore.Action
    private static let alone = SupervisorCore.Census(inGroup: 1, elsewhere: 0)
    private static let nobody = SupervisorCore.Census(inGroup: 0, elsewhere: 0)
    private static let daemon = SupervisorCore.Census(inGroup: 0, elsewhere: 1)
    /// A deadline in ten seconds, a grace of two.
    private var core = SupervisorCore(deadline: seconds(10), margin: seconds(100), grace: seconds(2))

    private static func seconds(_ seconds: Double) -> Int64 { Int64(seconds * 1e9) }

    @Test mutating func nothingIsDoneInTime() {
        #expect(core.look(Self.alone, at: Self.seconds(9.9)) == [])
        core.extend(to: Self.seconds(100))
        #expect(core.look(Self.alone, at: Self.seconds(99)) == [])
        #expect(core.nextTime == Self.seconds(100))
        // An old message does not shorten it.
        core.extend(to: Self.seconds(20))
        #expect(core.look(Self.alone, at: Self.seconds(99)) == [])
    }

    @Test mutating func pastTheDeadlineEverythingEnds() {
        #expect(core.look(Self.alone, at: Self.seconds(10)) == [.send(SIGTERM, to: .everything)])
        #expect(core.look(Self.alone, at: Self.seconds(11.9)) == [])
        #expect(core.look(Self.alone, at: Self.seconds(12)) == [.send(SIGKILL, to: .everything)])
        #expect(core.finish(.killed(SIGKILL), Self.daemon, at: Self.seconds(12)) == [])
        // What has left the group is killed too, again and again.
        #expect(core.look(Self.daemon, at: Self.seconds(12.1)) == [.send(SIGKILL, to: .everything)])
        #expect(!core.isOver)
        #expect(core.look(Self.nobody, at: Self.seconds(12.2)) == [])
        #expect(core.isOver && core.isLost)
    }

    @Test mutating func whatCannotBeKilledKeepsNobodyWaitingForALostLock() {
        _ = core.lose(at: 0)
        _ = core.finish(.killed(SIGTERM), Self.alone, at: 0)
        _ = core.look(Self.alone, at: Self.seconds(6.9))
        #expect(!core.isOver)
        _ = core.look(Self.alone, at: Self.seconds(7))
        #expect(core.isOver)
    }

    /// However long the grace is, nothing runs beside the next holder.
    @Test mutating func theGraceEndsBeforeTheServersGiveTheLockAway() {
        core = SupervisorCore(deadline: Self.seconds(10), margin: Self.seconds(4), grace: Self.seconds(60))
        #expect(core.look(Self.alone, at: Self.seconds(10)) == [.send(SIGTERM, to: .everything)])
        #expect(core.look(Self.alone, at: Self.seconds(13.4)) == [])
        #expect(core.look(Self.alone, at: Self.seconds(13.5)) == [.send(SIGKILL, to: .everything)])
    }

    @Test mutating func whatIsLostLateIsKilledAtOnce() {
        core = SupervisorCore(deadline: Self.seconds(10), margin: Self.seconds(4), grace: Self.seconds(60))
        _ = core.lose(at: Self.seconds(20))
        #expect(core.look(Self.alone, at: Self.seconds(20)) == [.send(SIGKILL, to: .everything)])
    }

    @Test mutating func aStoppedCommandIsEndedWithoutBeingContinued() {
        core.stop()
        #expect(core.look(Self.alone, at: Self.seconds(10)) == [.send(SIGKILL, to: .everything)])
        // Nor is it afterwards.
        #expect(core.resume(at: Self.seconds(10)) == [])
    }

    @Test mutating func aStoppedCommandGoesOnWhileTheLockIsHeld() {
        #expect(core.resume(at: 0) == [], "it is not stopped")
        core.stop()
        #expect(core.resume(at: Self.seconds(1)) == [.resume])
        core.stop()
        #expect(core.resume(at: Self.seconds(10)) == [.send(SIGKILL, to: .everything)])
    }

    @Test(arguments: [SIGHUP, SIGINT, SIGQUIT, SIGTERM])
    mutating func aSignalIsForwardedOnceAndTheGraceBegins(_ number: Int32) {
        let signal = CaughtSignal(number, sender: 7)
        #expect(core.forward(signal, hasArrived: false, at: 0) == [.send(number, to: .group)])
        // As timeout(1) does it.
        #expect(core.forward(signal, hasArrived: false, at: Self.seconds(0.05)) == [])
        #expect(core.forward(signal, hasArrived: false, at: Self.seconds(1)) != [])
        #expect(core.told == number)
        #expect(core.look(Self.alone, at: Self.seconds(2)) == [.send(SIGKILL, to: .everything)])
    }

    @Test mutating func aSignalForTheGroupIsNotForwarded() {
        let actions = core.forward(CaughtSignal(SIGTERM, sender: 7), hasArrived: true, at: 0)
        #expect(actions == [])
        #expect(core.told == SIGTERM)
    }

    @Test mutating func keysOfTheTerminalAreForTheCommand() {
        for number in [SIGINT, SIGQUIT] {
            let signal = CaughtSignal(number, isFromKernel: true)
            #expect(core.forward(signal, hasArrived: true, at: 0) == [])
        }
        let interrupt = CaughtSignal(SIGINT, isFromKernel: true)
        #expect(
            core.forward(interrupt, hasArrived: false, at: Self.seconds(1)) == [
                .send(SIGINT, to: .group)
            ])
        #expect(core.told == nil && core.nextTime == Self.seconds(10))
        // The end of the terminal is for both.
        _ = core.forward(CaughtSignal(SIGHUP, isFromKernel: true), hasArrived: true, at: 0)
        #expect(core.told == SIGHUP)
    }

    @Test mutating func theCommandDoesWhatItWantsToItsGroup() {
        let own = CaughtSignal(SIGINT, sender: 7, isFromCommand: true)
        #expect(core.forward(own, hasArrived: true, at: 0) == [])
        #expect(core.told == nil && core.nextTime == Self.seconds(10))
        // What it sends to zklock itself is meant.
        #expect(core.forward(own, hasArrived: false, at: Self.seconds(1)) != [])
        #expect(core.told == SIGINT)
    }

    @Test mutating func otherSignalsEndNothing() {
        for (number, target) in [(SIGUSR1, SupervisorCore.Target.command), (SIGUSR2, .command), (SIGWINCH, .group)] {
            let signal = CaughtSignal(number, sender: 7)
            #expect(core.forward(signal, hasArrived: false, at: 0) == [.send(number, to: target)])
            #expect(core.forward(signal, hasArrived: true, at: 0) == [])
        }
        #expect(core.told == nil && core.nextTime == Self.seconds(10))
    }

    @Test mutating func whatIsLeftOfTheGroupEndsWithTheCommand() {
        #expect(
            core.finish(.exited(3), .init(inGroup: 2, elsewhere: 1), at: 0) == [
                .send(SIGTERM, to: .group), .send(SIGCONT, to: .group),
            ])
        #expect(core.look(.init(inGroup: 1, elsewhere: 1), at: Self.seconds(1)) == [])
        #expect(core.look(.init(inGroup: 1, elsewhere: 1), at: Self.seconds(2)) == [.send(SIGKILL, to: .group)])
        #expect(!core.isOver)
        // What has left it lives on.
        #expect(core.look(Self.daemon, at: Self.seconds(2.1)) == [])
        #expect(core.isOver && core.end == .exited(3) && core.told == nil && !core.isLost)
    }

    @Test mutating func whoEndsInTimeKeepsItsDaemons() {
        _ = core.forward(CaughtSignal(SIGTERM), hasArrived: false, at: 0)
        #expect(core.finish(.exited(0), Self.daemon, at: Self.seconds(1)) == [])
        #expect(core.look(Self.daemon, at: Self.seconds(1)) == [])
        #expect(core.isOver)
    }

    @Test mutating func whoDoesNotEndInTimeDoesNot() {
        _ = core.forward(CaughtSignal(SIGTERM), hasArrived: false, at: 0)
        #expect(core.look(.init(inGroup: 1, elsewhere: 1), at: Self.seconds(2)) == [.send(SIGKILL, to: .everything)])
        _ = core.finish(.killed(SIGKILL), Self.daemon, at: Self.seconds(2))
        #expect(core.look(Self.daemon, at: Self.seconds(2)) == [.send(SIGKILL, to: .everything)])
        #expect(!core.isOver)
    }

    @Test mutating func theLockCanBeLostWhileTheCommandEnds() {
        #expect(core.endCommand(at: Self.seconds(9)) == [.send(SIGTERM, to: .group)])
        #expect(core.endCommand(at: Self.seconds(9)) == [])
        #expect(core.look(Self.alone, at: Self.seconds(10)) == [.send(SIGTERM, to: .everything)])
        // The grace has begun before.
        #expect(core.look(Self.alone, at: Self.seconds(11)) == [.send(SIGKILL, to: .everything)])
    }

    @Test mutating func aGraceWithoutAnEndOverflowsNothing() {
        var core = SupervisorCore(deadline: .max, margin: .max, grace: .max)
        _ = core.endCommand(at: Self.seconds(10))
        #expect(core.look(Self.alone, at: .max - 1) == [])
    }
}

/// What goes through the pipes between zklock and its supervisor.
@Suite struct MessageTests {
    @Test(arguments: [
        Order.start(deadline: -5, margin: 7, token: "0a", path: "/a path/with  spaces "), .deadline(.max), .end,
        .resume(3), .lost,
        .signal(CaughtSignal(SIGTERM, isFromKernel: true, sender: 0)),
        .signal(CaughtSignal(SIGINT, isFromKernel: false, sender: 4_711)),
    ])
    func anOrderComesOutAsItWentIn(_ order: Order) { #expect(Order(line: order.line) == order) }

    @Test(arguments: [
        Report.notExecuted(2), .done, .stopped(2), .cannotEnd, .started(group: 0), .ended(CommandEnd(.exited(3))),
        .ended(CommandEnd(.killed(9), told: SIGTERM, isLost: true)), .ended(CommandEnd(.exited(0), told: SIGHUP)),
    ])
    func aReportComesOutAsItWentIn(_ report: Report) { #expect(Report(line: report.line) == report) }

    @Test func nonsenseIsNoMessage() {
        for line in ["", "start", "start x y z", "deadline", "signal 1 2", "sig", "end now", "resume"] {
            #expect(Order(line: line) == nil, "\(line)")
        }
        for line in ["", "stopped", "exited 1", "killed x 0 0", "done 1"] {
            #expect(Report(line: line) == nil, "\(line)")
        }
    }

    @Test func linesComeInParts() {
        var buffer = LineBuffer()
        #expect(buffer.append(Array("en".utf8)) == [])
        #expect(buffer.append(Array("d\nlost\nre".utf8)) == ["end", "lost"])
        #expect(buffer.append(Array("sume 1\n".utf8)) == ["resume 1"])
    }
}
