import FoundationEssentials
import Glibc
import ProcessSignals
import Subprocess
import Synchronization
import SystemPackage
import ZooKeeper
import ZooKeeperRecipes

/// A command that lives no longer than the lock.
///
/// It runs below a supervisor, which is this program in another role. The supervisor is fed the lease's deadline
/// through a pipe; the end of the pipe, or a deadline that passes, makes it end the command. So the command also ends
/// when this process is killed, and when it is paused.
struct SupervisedCommand: Sendable {
    let command: [String]
    let grace: Duration
    let lease: LockLease

    /// Runs the command to its end. When the current task is cancelled, the command is ended.
    ///
    /// - Returns: Its exit status.
    func run() async throws -> Int32 {
        let (readEnd, writeEnd) = try FileDescriptor.pipe(options: .closeOnExec)
        let feed = DeadlineFeed(writeEnd)
        let group = ProcessGroup()
        // Not a child task: its cancellation would kill the supervisor, which is to end the command in good order.
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
            // In case the supervisor is paused itself.
            Task {
                try? await Task.sleep(for: grace + .seconds(1))
                group.kill()
            }
            feed.close()
        }
    }

    private func supervise(_ input: FileDescriptor, _ group: ProcessGroup) async throws -> Int32 {
        var options = PlatformOptions()
        options.processGroupID = 0
        let result = try await Subprocess.run(
            .path("/proc/self/exe"),
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
            // Whatever the command has left behind is nobody's: it ends with the lock. The supervisor has ended and
            // has not been waited for, so the number of its group is still its own.
            group.kill()
            group.end()
        }
        switch result.terminationStatus {
        case .exited(let status): return status
        // The supervisor has killed its whole group, or has been killed.
        case .signaled: return Status.lost
        }
    }
}

/// The supervisor and all below it.
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

/// The pipe through which the supervisor gets to know how long the lock is held at least.
private final class DeadlineFeed: Sendable {
    private let pipe: Mutex<FileDescriptor?>

    init(_ writeEnd: FileDescriptor) {
        // When the supervisor is paused, the pipe is full some day, and nobody may wait for it then.
        _ = fcntl(writeEnd.rawValue, F_SETFL, O_NONBLOCK)
        pipe = Mutex(writeEnd)
    }

    /// The clock counts from the start of the machine, so the moment means the same to the reader, however late it
    /// reads.
    ///
    /// - Returns: Whether it is still open.
    func send(_ deadline: ContinuousClock.Instant) -> Bool {
        pipe.withLock { pipe in
            guard let pipe, let line = try? JSONEncoder().encode(deadline) else { return false }
            // If nobody reads any more, that is known otherwise. A line goes in whole or not at all, as short as it is.
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
