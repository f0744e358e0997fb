// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Decides what a supervisor does to its command: a value without clocks and processes. Times are nanoseconds of one clock.
///
/// It ends the command for three reasons, and for no other: the lock is lost (its deadline has passed, zklock says so, or zklock
/// is gone); zklock was told to end, or to give the lock away, and the grace is over; the command itself has ended, and processes
/// of its group are left.
package struct SupervisorCore: Sendable, Hashable {
    /// The processes that a signal is for.
    package enum Target: Sendable, Hashable {
        /// The command's own process.
        case command
        /// The command and those of its descendants that are in its process group.
        case group
        /// The command and all its descendants.
        case everything
    }

    package enum Action: Sendable, Hashable {
        case send(Int32, to: Target)
        /// Give the command the terminal, if zklock has it, and continue it.
        case resume
    }

    /// The live processes of the command at one moment.
    package struct Census: Sendable, Hashable {
        /// The number in its group, the command included.
        package var inGroup: Int
        /// The number of descendants that have left the group.
        package var elsewhere: Int

        package init(inGroup: Int, elsewhere: Int) {
            self.inGroup = inGroup
            self.elsewhere = elsewhere
        }
    }

    private struct Told: Sendable, Hashable {
        var signal: CaughtSignal
        var time: Int64
    }

    /// The signals by which a process is told to end.
    private static let ending: Set<Int32> = [SIGHUP, SIGINT, SIGQUIT, SIGTERM]
    /// timeout(1) and others send a signal to a process and then to its group: within this time it is the same one.
    private static let echo: Int64 = 100_000_000
    /// The time that a kill may take.
    private static let reserve: Int64 = 500_000_000
    /// The time after the last kill in which a process that cannot be killed is waited for when the lock is lost anyway.
    private static let patience: Int64 = 5_000_000_000

    private let grace: Int64
    /// The time after the deadline in which the servers still give the lock to nobody.
    private let margin: Int64
    private var deadline: Int64
    /// The moment at which what is left is killed; `nil` if nothing is to end.
    private var killTime: Int64?
    private var hasKilled = false
    /// Tells whether the command has been told to end while the lock is held.
    private var isToldToEnd = false
    private var lastTold: Told?
    /// Tells whether the command is stopped.
    package private(set) var isStopped = false
    /// The signal by which zklock was told to end.
    package private(set) var told: Int32?
    /// Tells whether the lock is lost.
    package private(set) var isLost = false
    /// The end of the command's own process.
    package private(set) var end: ProcessEnd?
    /// Tells whether there are processes that do not end although they are killed: those of another user, for example.
    package private(set) var isHelpless = false
    /// Tells whether everything that is to end has ended.
    package private(set) var isOver = false

    package init(deadline: Int64, margin: Int64, grace: Int64) {
        self.deadline = deadline
        self.margin = margin
        self.grace = grace
    }

    /// Tells whether ``look(_:at:)`` needs to know which processes there are.
    package var isClearing: Bool { end != nil || isLost || hasKilled }

    /// The next moment at which ``look(_:at:)`` has something to do.
    package var nextTime: Int64 {
        let kill = hasKilled ? nil : killTime
        return isLost ? (kill ?? .max) : min(deadline, kill ?? .max)
    }

    /// The lock is held until then at least.
    package mutating func extend(to deadline: Int64) { self.deadline = max(self.deadline, deadline) }

    /// Takes a signal that zklock has got.
    ///
    /// - Parameter hasArrived: The command has got it already: it was sent to a group in which both are.
    package mutating func forward(_ signal: CaughtSignal, hasArrived: Bool, at now: Int64) -> [Action] {
        guard Self.ending.contains(signal.number) else {
            if hasArrived { return [] }
            // The default action of these two ends a process, which its children do not expect.
            let isPersonal = [SIGUSR1, SIGUSR2].contains(signal.number)
            return [.send(signal.number, to: isPersonal ? .command : .group)]
        }
        if let lastTold, lastTold.signal.isSame(as: signal), now - lastTold.time < Self.echo { return [] }
        lastTold = Told(signal: signal, time: now)
        // A key of the terminal, and what the command does to its own group, are between it and them.
        let isForZKLock = !(signal.isFromKernel && signal.number != SIGHUP) && !(signal.isFromCommand && hasArrived)
        if isForZKLock {
            told = told ?? signal.number
            isToldToEnd = true
            beginGrace(at: now)
        }
        return hasArrived ? [] : [.send(signal.number, to: .group)]
    }

    /// Ends the command: the lock is to be given away.
    package mutating func endCommand(at now: Int64) -> [Action] {
        guard end == nil, !isToldToEnd, !isLost else { return [] }
        isToldToEnd = true
        beginGrace(at: now)
        return [.send(SIGTERM, to: .group)]
    }

    /// Ends everything: the lock is lost.
    package mutating func lose(at now: Int64) -> [Action] {
        guard !isLost, !isOver else { return [] }
        isLost = true
        // Without continuing it, if it is stopped: it would run without the lock.
        if isStopped {
            killTime = min(killTime ?? now, now)
            return kill()
        }
        beginGrace(at: now)
        // Not beside the next holder.
        let (last, isTooLarge) = deadline.addingReportingOverflow(margin - min(margin / 4, Self.reserve))
        if !isTooLarge { killTime = min(killTime ?? .max, max(now, last)) }
        return [.send(SIGTERM, to: .everything)]
    }

    /// Takes note that the command has stopped.
    package mutating func stop() { isStopped = true }

    /// Takes note that the command goes on.
    package mutating func goOn() { isStopped = false }

    /// Lets the command go on, if it is stopped and the lock is held.
    package mutating func resume(at now: Int64) -> [Action] {
        if deadline <= now { return lose(at: now) }
        guard isStopped, !isLost, end == nil else { return [] }
        isStopped = false
        return [.resume]
    }

    /// Takes note that the command's own process has ended; what is left of its group is to end too.
    package mutating func finish(_ end: ProcessEnd, _ census: Census, at now: Int64) -> [Action] {
        guard self.end == nil else { return [] }
        self.end = end
        isStopped = false
        guard census.inGroup > 0 else { return [] }
        beginGrace(at: now)
        return hasKilled ? [] : [.send(SIGTERM, to: .group), .send(SIGCONT, to: .group)]
    }

    /// Looks at the clock, and at the processes that are left.
    package mutating func look(_ census: Census, at now: Int64) -> [Action] {
        guard !isOver else { return [] }
        var actions: [Action] = []
        if !isLost, deadline <= now { actions += lose(at: now) }
        // Processes that have left the group live on after an end in time.
        let isClear = census.inGroup == 0 && (census.elsewhere == 0 || !(isLost || isToldToEnd && hasKilled))
        if end != nil, isClear {
            isOver = true
            return actions
        }
        if let killTime, killTime <= now {
            if actions.isEmpty { actions = kill() }
            // The lock has been lost, so that nobody waits for what cannot be killed.
            if killTime + Self.patience <= now {
                isHelpless = true
                isOver = isLost && end != nil
            }
        }
        return actions
    }

    private mutating func beginGrace(at now: Int64) {
        let (time, isTooLarge) = now.addingReportingOverflow(grace)
        killTime = min(killTime ?? .max, isTooLarge ? .max : time)
    }

    private mutating func kill() -> [Action] {
        hasKilled = true
        return [.send(SIGKILL, to: isLost || isToldToEnd ? .everything : .group)]
    }
}
