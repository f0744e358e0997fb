import ArgumentParser
import Dispatch
import FoundationEssentials
import Glibc
import ProcessSignals
import Subprocess
import Synchronization
import SystemPackage
import UnixSignals

/// The role of the process that the command is a child of. It reads deadlines from its standard input and ends the
/// command, and itself, with the whole group when one passes, or at the end of the input.
struct Supervise: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "supervise", shouldDisplay: false)

    @Option var grace: Double
    @Argument(parsing: .postTerminator) var command: [String]

    func validate() throws {
        // Started by hand it would share a group with others, for example with the shell.
        guard getpgrp() == getpid() else { throw ValidationError("supervise is started by zklock itself") }
    }

    func run() async throws {
        ignoreBrokenPipes()
        // It signals its own group, and goes on to see what comes of that.
        let signals = await UnixSignalsSequence(trapping: .sigterm)
        let watch = DeadlineWatch()
        watch.start()
        let ending = Task { [grace] in
            await watch.untilOver()
            ProcessSignal.sendToOwnGroup(SIGTERM)
            try await Task.sleep(for: .seconds(grace))
            // Itself too, which is how its parent sees that it was this.
            ProcessSignal.sendToOwnGroup(SIGKILL)
        }
        guard await watch.begin() else { throw ExitCode(Status.lost) }
        let status = await runCommand()
        // The command has ended; what it has started may not have, and gets the whole grace.
        while watch.isOver, ProcessStatus.isGroupShared { try await Task.sleep(for: .milliseconds(5)) }
        ending.cancel()
        withExtendedLifetime(signals) {}
        throw ExitCode(status)
    }

    /// As a shell finds it: a name in `PATH`; whatever has a `/` in it is a path.
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
            complain("\(command[0]) could not be started: \(error)")
            return Status.notStarted
        }
    }
}

/// The newest deadline, as the input tells it.
private final class DeadlineWatch: Sendable {
    /// `nil` at the end of the input. Until the first line comes, not much time is given.
    private let deadline = Mutex<ContinuousClock.Instant?>(.now + .seconds(5))
    private let hasBegun = Mutex(false)

    var isOver: Bool { deadline.withLock { $0 ?? .now } <= .now }

    func start() {
        // A thread of its own, for it waits for its input.
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

    /// Waits for the first line: nothing is started before it is known that the lock is held.
    func begin() async -> Bool {
        while !isOver {
            if hasBegun.withLock({ $0 }) { return true }
            try? await Task.sleep(for: .milliseconds(2))
        }
        return false
    }
}
