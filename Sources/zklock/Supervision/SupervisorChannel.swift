// SPDX-License-Identifier: Apache-2.0

import CZKLock
import ProcessSignals
import Synchronization
import SystemPackage
import ZooKeeper

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The supervisor as zklock sees it: what it is told, and what it says.
final class SupervisorChannel: Sendable {
    /// The end of a command.
    enum Result: Sendable, Hashable {
        case ended(CommandEnd)
        /// It could not be executed, with the system's error.
        case notExecuted(Int32)
        /// The supervisor itself has ended before it.
        case unsupervised
    }

    /// The supervisor's process.
    let supervisor: pid_t
    private let orders: Mutex<FileDescriptor?>
    /// The pipe by which it reports.
    let reports: FileDescriptor
    private let lines = Mutex(LineBuffer())
    private let carriedOut = Atomic(0)
    /// The command's process group, if it has one of its own; otherwise 0.
    private let group = Atomic<pid_t>(0)
    /// The end of the command.
    let result = Promise<Result>()
    /// Fulfilled when processes of the command do not end although they are killed.
    let cannotEnd = Promise<Void>()

    private init(_ supervisor: pid_t, _ orders: FileDescriptor, _ reports: FileDescriptor) {
        self.supervisor = supervisor
        self.orders = Mutex(orders)
        self.reports = reports
    }

    /// Starts the supervisor, which waits for the order to start its command.
    ///
    /// It is forked here, where this process has one thread yet.
    static func start(_ command: HeldCommand, grace: Duration) throws -> SupervisorChannel {
        let (orders, reports) = (try System.makePipe(), try System.makePipe())
        let pid = zkl_fork()
        guard pid >= 0 else { throw Errno(rawValue: errno) }
        if pid == 0 {
            try? orders.writeEnd.close()
            try? reports.readEnd.close()
            Supervisor.run(command, grace: grace, orders: orders.readEnd, reports: reports.writeEnd)
        }
        try? orders.readEnd.close()
        try? reports.writeEnd.close()
        return SupervisorChannel(pid, orders.writeEnd, reports.readEnd)
    }

    /// Gives an order. A line this short is written as a whole or not at all: if the supervisor stands still, the pipe may be
    /// full, and what counts then is the deadline that it knows.
    func send(_ order: Order) {
        orders.withLock { orders in
            _ = try? orders?.writeAll("\(order.line)\n".utf8)
        }
    }

    /// The number of signals that the supervisor has taken.
    var signalsTaken: Int { carriedOut.load(ordering: .relaxed) }

    /// Reads what the supervisor has reported.
    ///
    /// - Returns: The number of the stop if the command has been stopped, and zklock is to stop too.
    func readReports() -> Int? {
        guard let bytes = System.read(reports) else {
            result.fulfil(.unsupervised)
            return nil
        }
        var stop: Int?
        for line in lines.withLock({ $0.append(bytes) }) {
            switch Report(line: line) {
            case .notExecuted(let fault): result.fulfil(.notExecuted(fault))
            case .done: carriedOut.add(1, ordering: .relaxed)
            case .started(let group): self.group.store(group, ordering: .relaxed)
            case .stopped(let number): stop = number
            case .cannotEnd: cannotEnd.fulfil(())
            case .ended(let end): result.fulfil(.ended(end))
            case nil: break
            }
        }
        // Whoever has ended needs nobody to stop with it.
        return result.current == nil ? stop : nil
    }

    /// Lets the supervisor end, if it has nothing to do, and waits for that: it has the descriptors of this process. One that
    /// stands still is not waited for.
    func close() {
        orders.withLock { orders in
            try? orders?.close()
            orders = nil
        }
        let end = ContinuousClock.now + .seconds(1)
        while ContinuousClock.now < end, ProcessStatus(supervisor)?.parent == getpid(), zkl_reap(supervisor) == 0 {
            _ = zkl_poll(-1, -1, -1, 5)
        }
    }

    /// Kills the supervisor, and with it the command: it does not do what it is told.
    func kill() { ProcessSignal.send(SIGKILL, to: supervisor) }

    /// Ends what a supervisor that was killed has left behind, which are children of this process now.
    func endOrphans(after grace: Duration) async {
        var (signal, deadline) = (SIGTERM, ContinuousClock.now + grace)
        var told: Set<pid_t> = []
        let group = group.load(ordering: .relaxed)
        while true {
            let left = ProcessStatus.all.descendants(of: getpid())
            // Also where the others cannot be seen.
            let isInGroup = ProcessSignal.hasChild(inGroup: group)
            if left.isEmpty, !isInGroup { return }
            if isInGroup, signal == SIGKILL || told.insert(-group).inserted {
                ProcessSignal.send(signal, toGroupWithChild: group)
            }
            for (pid, status) in left where status.group != group || group == 0 {
                guard signal == SIGKILL || told.insert(pid).inserted else { continue }
                ProcessSignal.send(signal, to: pid)
            }
            if ContinuousClock.now >= deadline {
                if signal == SIGKILL { return }
                (signal, deadline) = (SIGKILL, ContinuousClock.now + .seconds(5))
            }
            await Task { try? await Task.sleep(for: .milliseconds(5)) }.value
        }
    }
}
