// SPDX-License-Identifier: Apache-2.0

import Logging
import ZooKeeper
import ZooKeeperRecipes

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// One lock, from the wait for it to its release, with the command in between.
struct Holding: Sendable {
    let request: HoldRequest
    let supervisor: SupervisorChannel
    let state: HoldState

    /// The end of an attempt.
    private enum Ending {
        case taken(String)
        /// It has been run within the time of `--once-per`.
        case notDue
        case ran(SupervisorChannel.Result)
    }

    /// Thrown so that a run that failed does not count for `--once-per`.
    private struct CommandFailed: Error {}

    /// Waits for the lock, runs the command, releases the lock.
    func run(_ configuration: ZooKeeperConfiguration) async -> Outcome {
        let position = QueuePosition()
        // When the wait is over, the position says nothing any more.
        let following = Task { [request, state] in
            for await snapshot in position.positions {
                guard let snapshot else { continue }
                state.note(ahead: snapshot.ahead)
                if snapshot.ahead > 0 { request.tell("waiting, \(snapshot.ahead) in front") }
            }
        }
        defer { following.cancel() }
        var result: SupervisorChannel.Result?
        do {
            let ending = try await ZooKeeperClient.withClient(configuration, logger: logger) { client in
                let access = LockAccess(client, request)
                let begin = ContinuousClock.now
                request.tell("getting the lock \(request.path)")
                let ending = try await access.run(position) { lease in
                    request.tell(
                        "getting the lock took \(HoldWords.seconds(begin.duration(to: .now))) s; its token is \(lease.fencingToken)"
                    )
                    return try await run(lease, access, configuration.sessionTimeout, &result)
                }
                if let ending {
                    request.tell("the lock is released")
                    return ending
                }
                let others = (try? await access.participants()) ?? []
                return .taken(HoldWords.taken(request.path, others))
            }
            return outcome(of: ending)
        } catch {
            return outcome(of: error, result, configuration)
        }
    }

    /// Does what is to be done while the lock is held.
    private func run(
        _ lease: LockLease, _ access: LockAccess, _ sessionTimeout: Duration, _ result: inout SupervisorChannel.Result?
    ) async throws -> Ending {
        let keepsUntil = ContinuousClock.now + request.holdAtLeast
        if let warning = HoldWords.sessionTimeout(granted: lease.session.timeout, wanted: sessionTimeout) {
            request.say(warning)
        }
        do {
            let hasRun: Void? = try await access.ifDue(lease) { lease in
                let end = try await runCommand(lease)
                result = end
                if case .ended(let end) = end, end.process == .exited(0), !end.isLost, end.told == nil { return }
                throw CommandFailed()
            }
            if hasRun == nil { return .notDue }
        } catch is CommandFailed {}
        guard let result else { return .notDue }
        if case .ended(let end) = result, end.told == nil, !end.isLost, keepsUntil > .now {
            request.tell("keeping the lock for \(HoldWords.seconds(ContinuousClock.now.duration(to: keepsUntil))) s")
            await state.hurry.wait(until: keepsUntil)
        }
        return .ran(result)
    }

    /// Runs the command to its end. If the lock is lost, which cancels the current task, the supervisor ends it.
    private func runCommand(_ lease: LockLease) async throws -> SupervisorChannel.Result {
        let (request, supervisor) = (request, supervisor)
        request.tell("executing \(request.command.name)")
        let start = Order.start(
            deadline: Moment(lease.expiresBy).nanoseconds, margin: lease.session.leaseMargin.nanoseconds,
            token: "\(lease.fencingToken)", path: lease.path.string)
        guard state.begin(lease, { supervisor.send(start) }) else { throw CancellationError() }
        defer { state.finish() }
        supervisor.cannotEnd.whenFulfilled { _ in
            request.say("processes of the command do not end although they are killed; are they another user's?")
        }
        let news = Task {
            async let _: Void = Self.sendDeadlines(lease, supervisor)
            if await lease.revocationRequest() {
                request.say("another client asks for the lock \(lease.path)")
                if request.isRevocable { supervisor.send(.end) }
            }
            await Promise<Void>().wait()
        }
        defer { news.cancel() }
        let wait = await withTaskCancellationHandler {
            await supervisor.result.wait(isShielded: true)
        } onCancel: {
            supervisor.send(.lost)
            // In case the supervisor stands still.
            Task {
                try? await Task.sleep(for: request.grace + .seconds(1))
                if supervisor.result.current == nil { supervisor.kill() }
            }
        }
        guard case .value(let result) = wait else { throw CancellationError() }
        if result == .unsupervised { await supervisor.endOrphans(after: request.grace) }
        return result
    }

    /// Tells the supervisor until when the lock is held at least, as that moves on.
    private static func sendDeadlines(_ lease: LockLease, _ supervisor: SupervisorChannel) async {
        var last = lease.expiresBy
        while (try? await Task.sleep(for: .milliseconds(50))) != nil {
            let next = lease.expiresBy
            if next != last { supervisor.send(.deadline(Moment(next).nanoseconds)) }
            last = next
        }
    }

    // MARK: What comes of it

    private func outcome(of ending: Ending) -> Outcome {
        switch ending {
        case .taken(let words):
            request.say(words)
            return .exit(request.statusIfTaken)
        case .notDue:
            request.tell("the command has been run within the time of --once-per")
            return state.told.map { .die($0) } ?? .exit(0)
        case .ran(let result): return outcome(of: result, nil)
        }
    }

    private func outcome(of result: SupervisorChannel.Result, _ loss: LockLoss?) -> Outcome {
        switch result {
        case .notExecuted(let fault):
            printError(HoldWords.notExecuted(request.command.name, fault))
            return .exit(fault == ENOENT ? Status.notFound : Status.notExecutable)
        case .unsupervised:
            request.say("the supervisor of the command was killed; the command has been ended")
            return .exit(Status.lost)
        case .ended(let end):
            if end.isLost {
                request.say(HoldWords.lost(request.path, loss))
                return .exit(Status.lost)
            }
            let told = end.told ?? state.told ?? state.toldTooLate(taken: supervisor.signalsTaken)
            if let told { return .die(told) }
            switch end.process {
            case .exited(let status): return .exit(status)
            case .killed(let signal): return .die(signal)
            }
        }
    }

    private func outcome(
        of error: any Error, _ result: SupervisorChannel.Result?, _ configuration: ZooKeeperConfiguration
    ) -> Outcome {
        let lockError = error as? LockError
        if let result {
            if lockError?.code == .notReleased {
                request.say("the lock is not released before this session ends: \(error)")
            }
            return outcome(of: result, lockError?.loss)
        }
        if let told = state.told { return .die(told) }
        switch lockError?.code {
        case .timedOut? where lockError?.underlying == nil:
            request.say(lockError.map { HoldWords.taken($0, ahead: state.ahead) } ?? "")
            return .exit(request.statusIfTaken)
        case .mixedKinds?:
            request.say(HoldWords.mixedKinds(request.path, lockError?.foreignNode))
            return .exit(Status.mixedKinds)
        case .lost?:
            request.say(HoldWords.lost(request.path, lockError?.loss))
            return .exit(Status.lost)
        default:
            request.say(HoldWords.unavailable(error, configuration.servers))
            return .exit(Status.unavailable)
        }
    }

    private var logger: Logger {
        var logger = Logger(label: "zklock") { StreamLogHandler.standardError(label: $0) }
        if request.isQuiet { logger.handler = SwiftLogNoOpLogHandler() }
        logger.logLevel = request.isVerbose ? .info : .warning
        return logger
    }
}
