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

/// The supervisor: the parent of the command, a process with one thread, forked from zklock before that has any other.
///
/// `SupervisorCore` decides. This asks the system what has happened, and does what is decided.
struct Supervisor {
    private let command: [String]
    private let orders: FileDescriptor
    private let reports: FileDescriptor
    private let grace: Duration
    /// The process that forked this one, and its group.
    private let zklock = getppid()
    private let zklockGroup = getpgrp()
    private var lines = LineBuffer()
    private var signals: FileDescriptor

    /// Does everything there is to do, and ends the process.
    static func run(
        _ command: [String], grace: Duration, orders: FileDescriptor, reports: FileDescriptor
    ) -> Never {
        if var supervisor = try? Supervisor(command, grace, orders, reports) { supervisor.run() }
        _exit(0)
    }

    private init(
        _ command: [String], _ grace: Duration, _ orders: FileDescriptor, _ reports: FileDescriptor
    ) throws {
        self.command = command
        self.grace = grace
        self.orders = orders
        self.reports = reports
        // Signals for zklock's group, and stops, are not for this process.
        setpgid(0, 0)
        zkl_adopt_orphans()
        let pipe = try System.makePipe()
        signals = pipe.readEnd
        zkl_catch_signals(pipe.writeEnd.rawValue)
    }

    private mutating func run() {
        guard case .start(let deadline, let token, let path)? = firstOrder() else { return }
        let core = SupervisorCore(deadline: deadline, grace: grace.nanoseconds)
        guard Moment.now.nanoseconds < deadline else {
            return report(.ended(CommandEnd(.killed(SIGTERM), isLost: true)))
        }
        System.setVariable("ZKLOCK_PATH", to: path)
        System.setVariable("ZKLOCK_FENCING_TOKEN", to: token)
        let place = CommandPlace(zklock: zklock, zklockGroup)
        do {
            let pid = try System.spawn(command, group: place.groupToJoin, terminal: place.terminal)
            var run = SupervisedRun(core: core, command: pid, place: place)
            supervise(&run)
        } catch {
            place.takeTerminalBack(from: nil)
            report(.notExecuted(error.rawValue))
        }
    }

    /// Waits for the order to start; `nil` if there will be none.
    private mutating func firstOrder() -> Order? {
        while true {
            _ = zkl_poll(orders.rawValue, signals.rawValue, -1, -1)
            _ = System.readSignals(signals)
            guard let bytes = System.read(orders) else { return nil }
            for line in lines.append(bytes) {
                guard case .start? = Order(line: line) else { return nil }
                return Order(line: line)
            }
        }
    }

    private mutating func supervise(_ run: inout SupervisedRun) {
        var isConnected = true
        var hasToldOfHelplessness = false
        while !run.core.isOver {
            _ = zkl_poll(
                isConnected ? orders.rawValue : -1, signals.rawValue, run.place.groupSignals?.rawValue ?? -1,
                run.patience)
            _ = System.readSignals(signals)
            run.takeGroupSignals()
            if isConnected {
                if let bytes = System.read(orders) {
                    for line in lines.append(bytes) {
                        guard let order = Order(line: line) else { continue }
                        run.carryOut(order)
                        if case .signal = order { report(.done) }
                    }
                } else {
                    isConnected = false
                    run.carryOut(.lost)
                }
            }
            if run.takeChanges() { report(.stopped) }
            run.look()
            if run.core.isHelpless, !hasToldOfHelplessness {
                hasToldOfHelplessness = true
                report(.cannotEnd)
            }
            // zklock will tell that it was told to end too.
            if run.core.isOver, run.awaitsSignal, isConnected {
                _ = zkl_poll(orders.rawValue, -1, -1, 200)
                for line in lines.append(System.read(orders) ?? []) { Order(line: line).map { run.carryOut($0) } }
            }
        }
        run.place.takeTerminalBack(from: run.command)
        if let end = run.core.end {
            report(.ended(CommandEnd(end, told: run.core.told, isLost: run.core.isLost)))
        }
    }

    private func report(_ report: Report) { _ = try? reports.writeAll("\(report.line)\n".utf8) }
}

/// A command that runs: the core, and the processes that it is about.
private struct SupervisedRun {
    /// A signal that was sent to the whole group, the command included.
    private struct GroupSignal {
        var signal: CaughtSignal
        var time: Moment
    }

    var core: SupervisorCore
    let command: pid_t
    let place: CommandPlace
    private var groupSignals: [GroupSignal] = []

    init(core: SupervisorCore, command: pid_t, place: CommandPlace) {
        self.core = core
        self.command = command
        self.place = place
    }

    /// The time until there is something to look at, in milliseconds.
    var patience: Int32 {
        if core.isClearing { return 5 }
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
            let hasArrived = hasArrived(signal)
            perform(
                core.forward(signal, hasArrived: hasArrived, isFromCommand: isFromCommand(signal.sender), at: now))
        case .end: perform(core.endCommand(at: now))
        case .resume:
            // While zklock was stopped, so was its news of them.
            for index in groupSignals.indices { groupSignals[index].time = .now }
            _ = takeChanges()
            perform(core.resume(at: now))
        case .lost: perform(core.lose(at: now))
        }
    }

    /// Takes note of stops and of the end of the command.
    ///
    /// - Returns: `true` if zklock has to stop too.
    mutating func takeChanges() -> Bool {
        var stops = false
        while core.end == nil, let change = System.change(of: command) {
            switch change {
            case .stopped(let signal):
                core.stop()
                // By SIGSTOP it is somebody who wants to look at it, and the lock stays.
                stops = [SIGTSTP, SIGTTIN, SIGTTOU].contains(signal)
                // It wants the terminal, and zklock has got it meanwhile.
                if stops, signal != SIGTSTP, place.isTerminalForCommand {
                    perform(core.resume(at: Moment.now.nanoseconds))
                    stops = false
                } else if stops {
                    place.takeTerminalBack(from: command)
                }
            case .continued:
                core.goOn()
                stops = false
            case .ended(let end):
                place.takeTerminalBack(from: command)
                // Where the others cannot be seen, they are told to end, and not waited for.
                let left = ProcessStatus.isProcOurs ? census() : SupervisorCore.Census(inGroup: 1, elsewhere: 0)
                perform(core.finish(end, left, at: Moment.now.nanoseconds))
                return false
            }
        }
        return stops
    }

    mutating func look() {
        zkl_reap_all_but(command)
        let now = Moment.now.nanoseconds
        guard core.isClearing || core.nextTime <= now else { return }
        perform(core.look(census(), at: now))
    }

    mutating func takeGroupSignals() {
        guard let pipe = place.groupSignals else { return }
        groupSignals += System.readSignals(pipe).map { GroupSignal(signal: $0, time: .now) }
        groupSignals.removeAll { $0.time + .seconds(2) < .now }
    }

    /// Tells whether a signal that zklock has got was sent to the command as well.
    private mutating func hasArrived(_ signal: CaughtSignal) -> Bool {
        // The end of a terminal is told to the group that has it.
        if signal.isFromKernel, signal.number == SIGHUP, place.isTerminalGone { return true }
        guard let pipe = place.groupSignals else { return false }
        for attempt in 0..<3 {
            if let index = groupSignals.firstIndex(where: { $0.signal == signal }) {
                groupSignals.remove(at: index)
                return true
            }
            // The system tells one process of a group after the other.
            if attempt < 2 { _ = zkl_poll(pipe.rawValue, -1, -1, 10) }
            takeGroupSignals()
        }
        return false
    }

    private func isFromCommand(_ sender: pid_t) -> Bool {
        sender > 1 && (sender == command || ProcessSignal.isLiveDescendant(sender))
    }

    private var descendants: [pid_t: ProcessStatus] {
        ProcessStatus.all.descendants(of: getpid()).filter { $0.key != place.watcher }
    }

    private func census() -> SupervisorCore.Census {
        guard ProcessStatus.isProcOurs else {
            return SupervisorCore.Census(inGroup: core.end == nil ? 1 : 0, elsewhere: 0)
        }
        let (all, group) = (descendants, place.group(of: command))
        let inGroup = all.count { $0.value.group == group }
        return SupervisorCore.Census(inGroup: inGroup, elsewhere: all.count - inGroup)
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
            ProcessSignal.send(signal, to: command)
            return
        }
        let group = place.group(of: command)
        // The command may have another group by now.
        let isWhole = place.isGroupItsOwn && ProcessSignal.send(signal, toGroupOf: command)
        if !ProcessStatus.isProcOurs, !isWhole { ProcessSignal.send(signal, to: command) }
        for (pid, status) in descendants {
            let isInGroup = status.group == group
            if isInGroup ? !isWhole : target == .everything || pid == command { ProcessSignal.send(signal, to: pid) }
        }
    }
}
