import ProcessSignals
import Subprocess
import Synchronization
import SystemPackage
import ZooKeeper
import ZooKeeperRecipes

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

/// A command that does not outlive the lock.
///
/// It runs below a supervisor, which is this program in another role. The supervisor receives the lease's deadline
/// through a pipe, and ends the command at the end of the pipe or when a deadline passes. So the command also ends when
/// this process is killed or frozen.
struct SupervisedCommand: Sendable {
    let command: [String]
    let grace: Duration
    let lease: LockLease

    /// Runs the command to its end. When the current task is cancelled, the command is ended.
    ///
    /// - Returns: Its exit status.
    func run() async throws -> Int32 {
        let (readEnd, writeEnd) = try Self.makePipe()
        let feed = DeadlineFeed(writeEnd)
        let group = ProcessGroup()
        // Not a child task: its cancellation would kill the supervisor, which has to end the command first.
        let supervisor = Task { [self] in try await supervise(readEnd, group) }
        let feeding = Task { [lease] in
            while feed.send(lease.expiresBy) { try? await Task.sleep(for: .milliseconds(50)) }
        }
        defer {
            feed.close()
            feeding.cancel()
        }
        return try await withTaskCancellationHandler {
            try await supervisor.value
        } onCancel: { [grace] in
            // In case the supervisor itself is frozen.
            Task {
                try? await Task.sleep(for: grace + .seconds(1))
                group.kill()
            }
            feed.close()
        }
    }

    /// Opens a pipe whose ends no child process inherits by accident.
    private static func makePipe() throws -> (readEnd: FileDescriptor, writeEnd: FileDescriptor) {
        #if os(Linux)
        return try FileDescriptor.pipe(options: .closeOnExec)
        #else
        let ends = try FileDescriptor.pipe()
        for end in [ends.readEnd, ends.writeEnd] { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
        return ends
        #endif
    }

    /// The path of this program.
    private static var ownExecutable: Executable {
        #if os(Linux)
        .path("/proc/self/exe")
        #else
        CommandLine.arguments[0].contains("/")
            ? .path(FilePath(CommandLine.arguments[0])) : .name(CommandLine.arguments[0])
        #endif
    }

    private func supervise(_ input: FileDescriptor, _ group: ProcessGroup) async throws -> Int32 {
        var options = PlatformOptions()
        options.processGroupID = 0
        let result = try await Subprocess.run(
            Self.ownExecutable,
            arguments: Arguments(["supervise", "--grace", "\(grace / .seconds(1))", "--"] + command),
            environment: .inherit.updating([
                "ZKLOCK_PATH": lease.path.string, "ZKLOCK_FENCING_TOKEN": "\(lease.fencingToken)",
            ]),
            platformOptions: options, input: .fileDescriptor(input, closeAfterSpawningProcess: true),
            output: .currentStandardOutput, error: .currentStandardError
        ) { execution in
            let leader = execution.processIdentifier.value
            group.begin(leader)
            while ProcessSignal.isLiveDescendant(leader) { try? await Task.sleep(for: .milliseconds(5)) }
            // Processes that the command has left behind end with the lock. The supervisor has ended and has not been
            // waited for, so no other group can have the number of its group.
            group.kill()
            group.end()
        }
        switch result.terminationStatus {
        case .exited(let status): return status
        // The supervisor has killed its whole group, or was killed.
        case .signaled: return Status.lost
        }
    }
}

/// The process group of the supervisor and its descendants.
private final class ProcessGroup: Sendable {
    private let leader = Mutex<Int32?>(nil)

    func begin(_ leader: Int32) { self.leader.withLock { $0 = leader } }

    func end() { leader.withLock { $0 = nil } }

    func kill() {
        leader.withLock { leader in
            if let leader { ProcessSignal.send(SIGKILL, toGroupOf: leader) }
        }
    }
}

/// The pipe through which the supervisor receives the time until which the lock is held at least.
private final class DeadlineFeed: Sendable {
    private let pipe: Mutex<FileDescriptor?>

    init(_ writeEnd: FileDescriptor) {
        // If the supervisor is frozen, the pipe fills up in the end, and writing must not block then.
        _ = fcntl(writeEnd.rawValue, F_SETFL, O_NONBLOCK)
        pipe = Mutex(writeEnd)
    }

    /// Sends a deadline. The clock counts from the start of the machine, so it is the same for the reader, however late
    /// it reads.
    ///
    /// - Returns: `false` if the pipe is closed.
    func send(_ deadline: ContinuousClock.Instant) -> Bool {
        pipe.withLock { pipe in
            guard let pipe, let line = try? JSONEncoder().encode(deadline) else { return false }
            // The end of the reader is noticed elsewhere. A line this short is written as a whole or not at all.
            _ = try? pipe.writeAll(line + [UInt8(ascii: "\n")])
            return true
        }
    }

    func close() {
        pipe.withLock { pipe in
            try? pipe?.close()
            pipe = nil
        }
    }
}
