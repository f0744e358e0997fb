// SPDX-License-Identifier: Apache-2.0

import CZKLock
import ProcessSignals
import SystemPackage
import ZooKeeper

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A command that runs: `SupervisorCore`, which decides, and the processes that it is about.
struct SupervisedRun {
    /// A signal that was sent to the whole group, the command included.
    private struct GroupSignal {
        var signal: CaughtSignal
        var time: Moment
    }

    private(set) var core: SupervisorCore
    private(set) var place: CommandPlace
    private let command: pid_t
    /// Tells whether the command has ended and been waited for.
    private var isReaped = false
    private var groupSignals: [GroupSignal] = []
    /// The number of times that zklock was to stop, and those of which it has gone on.
    private var (stops, answers) = (0, 0)

    init(core: SupervisorCore, command: pid_t, place: CommandPlace) {
        self.core = core
        self.command = command
        self.place = place
    }

    /// Tells whether zklock is stopped, or will be, although the command is not.
    var isAnswerAwaited: Bool { answers < stops && !core.isStopped && !core.isLost }

    /// The time until there is something to look at, in milliseconds.
    var patience: Int32 {
        if core.isClearing || isAnswerAwaited { return 5 }
        let left = Moment.now.duration(to: Moment(nanoseconds: core.nextTime))
        // The clock goes on while the machine is suspended, and the system's time-outs do not.
        return Int32(max(0, min(200, left / .milliseconds(1))).rounded(.up))
    }

    /// Tells whether a signal to end has come to the group, and zklock has not told of its own yet.
    var awaitsSignal: Bool { groupSignals.contains { [SIGHUP, SIGTERM].contains($0.signal.number) } }

    mutating func carryOut(_ order: Order) {
        let now = Moment.now.nanoseconds
        switch order {
        case .start: break
        case .deadline(let deadline): core.extend(to: deadline)
        case .signal(let signal):
            let (known, hasArrived) = find(signal)
            perform(core.forward(known, hasArrived: hasArrived, at: now))
        case .end: perform(core.endCommand(at: now))
        case .resume(let number):
            answers = max(answers, number)
            // While zklock was stopped, so was its news of them.
            for index in groupSignals.indices { groupSignals[index].time = .now }
            perform(core.resume(at: now))
        case .lost: perform(core.lose(at: now))
        }
    }

    /// Takes note of stops and of the end of the command.
    ///
    /// - Returns: The number of the stop if zklock has to stop too.
    mutating func takeChanges() -> Int? {
        var isToStop = false
        while core.end == nil, let change = System.change(of: command) {
            switch change {
            case .stopped(let signal):
                core.stop()
                // It wants the terminal, and zklock has got it meanwhile.
                if [SIGTTIN, SIGTTOU].contains(signal), place.isTerminalForCommand {
                    perform(core.resume(at: Moment.now.nanoseconds))
                    isToStop = false
                    continue
                }
                // By SIGSTOP, away from the terminal, it is stopped by someone who wants to look at it, and the lock stays.
                isToStop = signal != SIGSTOP || place.hasTerminal(command)
                if isToStop { place.takeTerminalBack(from: command) }
            case .continued:
                core.goOn()
                isToStop = false
            case .ended(let end):
                place.takeTerminalBack(from: command)
                place.stopWatching()
                // The number of its group is taken as long as a child of this process is in it.
                _ = zkl_reap(command)
                isReaped = true
                perform(core.finish(end, census(), at: Moment.now.nanoseconds))
                return nil
            }
        }
        guard isToStop else { return nil }
        stops += 1
        return stops
    }

    mutating func look() {
        zkl_reap_all_but(isReaped ? -1 : command)
        // It has stopped together with the command, which goes on or has ended by itself.
        if isAnswerAwaited { place.continueZKLock() }
        let now = Moment.now.nanoseconds
        guard core.isClearing || core.nextTime <= now else { return }
        perform(core.look(census(), at: now))
    }

    mutating func takeGroupSignals() {
        guard let pipe = place.groupSignals else { return }
        if let signals = System.readSignals(pipe) {
            groupSignals += signals.map { GroupSignal(signal: $0, time: .now) }
        } else {
            place.watchAgain()
        }
        groupSignals.removeAll { $0.time + .seconds(2) < .now }
    }

    /// Finds out whether a signal that zklock has got was sent to the command as well, and by whom.
    private mutating func find(_ signal: CaughtSignal) -> (CaughtSignal, hasArrived: Bool) {
        // The end of a terminal is told to the group that has it, whoever else tells zklock.
        if signal.number == SIGHUP, place.isTerminalGone { return (signal, true) }
        guard let pipe = place.groupSignals else { return (signal, false) }
        for attempt in 0..<3 {
            if let index = groupSignals.firstIndex(where: { $0.signal.isSame(as: signal) }) {
                return (groupSignals.remove(at: index).signal, true)
            }
            // The system tells one process of a group after the other.
            if attempt < 2 { _ = zkl_poll(pipe.rawValue, -1, -1, 10) }
            takeGroupSignals()
        }
        return (signal, false)
    }

    private var descendants: [pid_t: ProcessStatus] {
        ProcessStatus.all.descendants(of: getpid()).filter { $0.key != place.watcher }
    }

    /// Counts the live processes of the command.
    ///
    /// A look at `/proc` takes its time, and misses a process that forks and ends meanwhile. Whether the group is empty once the
    /// command has ended, the kernel knows: orphans are children of this process.
    private func census() -> SupervisorCore.Census {
        let (all, group) = (descendants, place.group(of: command))
        let inGroup = all.count { $0.value.group == group }
        if isReaped { zkl_reap_all_but(-1) }
        let isLeft = !isReaped || ProcessSignal.hasChild(inGroup: group)
        return SupervisorCore.Census(inGroup: max(inGroup, isLeft ? 1 : 0), elsewhere: all.count - inGroup)
    }

    private func perform(_ actions: [SupervisorCore.Action]) {
        for action in actions {
            switch action {
            case .resume: place.resume(command, send)
            case .send(let signal, let target): send(signal, target)
            }
        }
    }

    private func send(_ signal: Int32, _ target: SupervisorCore.Target) {
        if target == .command {
            if !isReaped { ProcessSignal.send(signal, to: command) }
            return
        }
        let group = place.group(of: command)
        let isWhole = place.isGroupItsOwn && ProcessSignal.send(signal, toGroupWithChild: group)
        // The command may have another group by now.
        if !isReaped, !isWhole || getpgid(command) != group { ProcessSignal.send(signal, to: command) }
        for (pid, status) in descendants where pid != command {
            if status.group == group ? !isWhole : target == .everything { ProcessSignal.send(signal, to: pid) }
        }
    }
}
