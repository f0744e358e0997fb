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

/// The supervisor: the parent of the command, a process with one thread, forked from zklock before that has any other.
///
/// It passes orders on to a `SupervisedRun`, and reports what comes of it.
struct Supervisor {
    private let command: HeldCommand
    private let orders: FileDescriptor
    private let reports: FileDescriptor
    private let grace: Duration
    /// The process that forked this one, and its group.
    private let zklock = getppid()
    private let zklockGroup = getpgrp()
    private var lines = LineBuffer()
    /// The orders that have come and have not been carried out.
    private var waiting: [Order] = []
    private let signals: FileDescriptor

    /// Does everything there is to do, and ends the process.
    static func run(
        _ command: HeldCommand, grace: Duration, orders: FileDescriptor, reports: FileDescriptor
    ) -> Never {
        if var supervisor = try? Supervisor(command, grace, orders, reports) { supervisor.run() }
        _exit(0)
    }

    private init(
        _ command: HeldCommand, _ grace: Duration, _ orders: FileDescriptor, _ reports: FileDescriptor
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
        // Until there is something to start.
        while waiting.isEmpty {
            _ = zkl_poll(orders.rawValue, signals.rawValue, -1, -1)
            _ = System.readSignals(signals)
            guard takeOrders() else { return }
        }
        guard case .start(let deadline, let margin, let token, let path) = waiting.removeFirst() else { return }
        guard Moment.now.nanoseconds < deadline else {
            return report(.ended(CommandEnd(.killed(SIGTERM), isLost: true)))
        }
        System.setVariable("ZKLOCK_PATH", to: path)
        System.setVariable("ZKLOCK_FENCING_TOKEN", to: token)
        let place = CommandPlace(zklock: zklock, zklockGroup)
        do {
            let pid = try System.spawn(command, group: place.groupToJoin, terminal: place.terminal)
            report(.started(group: place.isGroupItsOwn ? pid : 0))
            let core = SupervisorCore(deadline: deadline, margin: margin, grace: grace.nanoseconds)
            supervise(SupervisedRun(core: core, command: pid, place: place))
        } catch {
            place.takeTerminalBack(from: nil)
            report(.notExecuted(error.rawValue))
        }
    }

    /// Reads the orders that have come.
    ///
    /// - Returns: `false` if there will be no more, since zklock is gone.
    private mutating func takeOrders() -> Bool {
        guard let bytes = System.read(orders) else { return false }
        waiting += lines.append(bytes).compactMap { Order(line: $0) }
        return true
    }

    private mutating func supervise(_ run: SupervisedRun) {
        var (run, isConnected, hasToldOfHelplessness) = (run, true, false)
        while !run.core.isOver || isConnected && run.isAnswerAwaited {
            _ = zkl_poll(
                isConnected ? orders.rawValue : -1, signals.rawValue, run.place.groupSignals?.rawValue ?? -1,
                waiting.isEmpty ? run.patience : 0)
            _ = System.readSignals(signals)
            run.takeGroupSignals()
            if isConnected, !takeOrders() {
                isConnected = false
                waiting.append(.lost)
            }
            carryOut(&run)
            if let number = run.takeChanges() { report(.stopped(number)) }
            run.look()
            if run.core.isHelpless, !hasToldOfHelplessness {
                hasToldOfHelplessness = true
                report(.cannotEnd)
            }
        }
        if isConnected, run.awaitsSignal {
            // zklock will tell that it was told to end too.
            _ = zkl_poll(orders.rawValue, -1, -1, 200)
            _ = takeOrders()
            carryOut(&run)
        }
        if let end = run.core.end {
            report(.ended(CommandEnd(end, told: run.core.told, isLost: run.core.isLost)))
        }
    }

    private mutating func carryOut(_ run: inout SupervisedRun) {
        for order in waiting {
            run.carryOut(order)
            if case .signal = order { report(.done) }
        }
        waiting = []
    }

    private func report(_ report: Report) { _ = try? reports.writeAll("\(report.line)\n".utf8) }
}
