// SPDX-License-Identifier: Apache-2.0

import CZKLock
import ProcessSignals
import Synchronization
import SystemPackage
import ZooKeeper
import ZooKeeperRecipes

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The end of zklock.
enum Outcome: Sendable, Hashable {
    case exit(Int32)
    /// Die by this signal.
    case die(Int32)
}

/// The process that holds the lock: its main thread, which takes the signals and the reports of the supervisor, while a task
/// does the rest.
struct HoldProcess {
    private let request: HoldRequest
    private let supervisor: SupervisorChannel
    private let state = HoldState()
    private let outcome = Promise<Outcome>()
    /// The time after which a process that is told to end does, although it has not left the queue, or released the lock: its
    /// session ends by itself then.
    private static let patience = Duration.seconds(5)

    /// Does everything there is to do, and ends the process.
    static func run(_ request: HoldRequest, _ configuration: ZooKeeperConfiguration) -> Never {
        do {
            // Before anything starts a thread.
            let supervisor = try SupervisorChannel.start(request.command, grace: request.grace)
            zkl_adopt_orphans()
            let (signals, wakeUp) = (try System.makePipe(), try System.makePipe())
            zkl_catch_signals(signals.writeEnd.rawValue)
            let process = HoldProcess(request: request, supervisor: supervisor)
            let outcome = process.run(configuration, signals: signals.readEnd, wakeUp)
            supervisor.close()
            end(outcome)
        } catch {
            printError("a process cannot be started: \(error)")
            exit(Status.noProcess)
        }
    }

    private init(request: HoldRequest, supervisor: SupervisorChannel) {
        self.request = request
        self.supervisor = supervisor
    }

    private static func end(_ outcome: Outcome) -> Never {
        switch outcome {
        case .exit(let status): exit(status)
        case .die(let signal):
            zkl_die(signal)
            // The first process of a container does not die by a signal of its own.
            exit(128 + signal)
        }
    }

    private func run(
        _ configuration: ZooKeeperConfiguration, signals: FileDescriptor,
        _ wakeUp: (readEnd: FileDescriptor, writeEnd: FileDescriptor)
    ) -> Outcome {
        let (request, supervisor, state, outcome) = (request, supervisor, state, outcome)
        let holding = Task {
            let holding = Holding(request: request, supervisor: supervisor, state: state)
            outcome.fulfil(await holding.run(configuration))
            _ = try? wakeUp.writeEnd.writeAll([0])
        }
        var reports = supervisor.reports.rawValue
        var deadline: ContinuousClock.Instant?
        while true {
            let ready = zkl_poll(signals.rawValue, wakeUp.readEnd.rawValue, reports, deadline == nil ? -1 : 100)
            if let outcome = outcome.current { return outcome }
            if let told = state.told, let end = deadline, end <= .now { return .die(told) }
            if ready & 4 != 0 {
                if let number = supervisor.readReports() {
                    for signal in stop(number, signals) { take(signal, holding) }
                }
                // Nothing comes after the end.
                if supervisor.result.current != nil { reports = -1 }
            }
            for signal in System.readSignals(signals) ?? [] { take(signal, holding) }
            if state.told != nil, deadline == nil { deadline = .now + Self.patience }
        }
    }

    private func take(_ signal: CaughtSignal, _ holding: Task<Void, Never>) {
        switch signal.number {
        case SIGCHLD: zkl_reap_all_but(-1)
        case SIGHUP, SIGINT, SIGQUIT, SIGTERM:
            switch state.end(by: signal) {
            case .leave: holding.cancel()
            case .forward: forward(signal)
            case .nothing: break
            }
        case SIGTSTP where state.lease == nil: _ = zkl_stop()
        // By which the supervisor wakes it.
        case SIGCONT where signal.sender == supervisor.supervisor: break
        default:
            if state.forwards() { supervisor.send(.signal(signal)) }
        }
    }

    /// Lets the supervisor tell the command.
    private func forward(_ signal: CaughtSignal) {
        let taken = supervisor.signalsTaken
        supervisor.send(.signal(signal))
        // A supervisor that stands still is killed, and the command with it.
        Task { [request, supervisor] in
            try? await Task.sleep(for: request.grace + .seconds(5))
            if supervisor.signalsTaken == taken, supervisor.result.current == nil { supervisor.kill() }
        }
    }

    /// Stops, because the command has stopped, and goes on with it, if the lock is still held then.
    ///
    /// - Parameter number: The number of the stop.
    /// - Returns: The signals that came meanwhile, without those that were about the stop.
    private func stop(_ number: Int, _ signals: FileDescriptor) -> [CaughtSignal] {
        // Where nobody would continue this process the command cannot stop either, but not in a circle without a pause.
        if zkl_stop() == 0 { usleep(50_000) }
        let rest = (System.readSignals(signals) ?? []).filter { $0.number != SIGCONT }
        if let lease = state.lease {
            if (try? lease.checkHeld()) != nil {
                supervisor.send(.deadline(Moment(lease.expiresBy).nanoseconds))
            } else {
                supervisor.send(.lost)
            }
        }
        supervisor.send(.resume(number))
        return rest
    }
}
