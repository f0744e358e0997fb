import ArgumentParser
import Dispatch
import ProcessSignals
import Subprocess
import Synchronization
import SystemPackage
import UnixSignals

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The supervisor: the parent process of the command. It reads deadlines from its standard input, and ends its whole
/// group, the command and itself included, when one passes, or at the end of the input.
struct Supervise: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "supervise", shouldDisplay: false)

    @Option var grace: Double
    @Argument(parsing: .postTerminator) var command: [String]

    func validate() throws {
        // Started by a user it would share a group with other processes, for example with the shell.
        guard getpgrp() == getpid() else { throw ValidationError("supervise is started by zklock itself") }
    }

    func run() async throws {
        ignoreBrokenPipes()
        // It signals its own group, and has to survive that to wait for the command.
        let signals = await UnixSignalsSequence(trapping: .sigterm)
        let watch = DeadlineWatch()
        watch.start()
        let ending = Task { [grace] in
            await watch.untilOver()
            ProcessSignal.sendToOwnGroup(SIGTERM)
            try await Task.sleep(for: .seconds(grace))
            // Itself too, by which its parent recognizes this end.
            ProcessSignal.sendToOwnGroup(SIGKILL)
        }
        guard await watch.begin() else { throw ExitCode(Status.lost) }
        let status = await runCommand()
        // The command has ended; processes that it has started may still run, and have the whole grace.
        while watch.isOver, ProcessStatus.isGroupShared { try await Task.sleep(for: .milliseconds(5)) }
        ending.cancel()
        withExtendedLifetime(signals) {}
        throw ExitCode(status)
    }

    /// Finds the command as a shell does: one with a `/` is a path, any other is looked up in `PATH`.
    private static func executable(_ command: String) -> Executable {
        command.utf8.contains(UInt8(ascii: "/")) ? .path(FilePath(command)) : .name(command)
    }

    private func runCommand() async -> Int32 {
        do {
            let result = try await Subprocess.run(
                Self.executable(command[0]), arguments: Arguments(Array(command.dropFirst())), input: .none,
                output: .currentStandardOutput, error: .currentStandardError)
            switch result.terminationStatus {
            case .exited(let status): return status
            case .signaled(let signal): return 128 + signal
            }
        } catch {
            printError("\(command[0]) could not be started: \(error)")
            return Status.notStarted
        }
    }
}

/// The latest deadline from standard input.
private final class DeadlineWatch: Sendable {
    /// The deadline; `nil` at the end of the input. The first line has to arrive within five seconds.
    private let deadline = Mutex<ContinuousClock.Instant?>(.now + .seconds(5))
    private let hasBegun = Mutex(false)

    var isOver: Bool { deadline.withLock { $0 ?? .now } <= .now }

    func start() {
        // A queue of its own, since reading blocks.
        DispatchQueue(label: "deadlines").async { [self] in
            while let line = readLine(),
                let next = try? JSONDecoder().decode(ContinuousClock.Instant.self, from: Data(line.utf8))
            {
                deadline.withLock { $0 = next }
                hasBegun.withLock { $0 = true }
            }
            deadline.withLock { $0 = nil }
        }
    }

    func untilOver() async {
        while !isOver, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(20)) }
    }

    /// Waits for the first line, so that the command does not start before the lock is known to be held.
    ///
    /// - Returns: `false` if the deadline or the input has ended before.
    func begin() async -> Bool {
        while !isOver {
            if hasBegun.withLock({ $0 }) { return true }
            try? await Task.sleep(for: .milliseconds(2))
        }
        return false
    }
}
