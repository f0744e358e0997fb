import ArgumentParser
import UnixSignals
import ZooKeeper
import ZooKeeperRecipes

/// Runs a command while it holds a lock, as flock(1) does.
@main struct ZKLock: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "zklock",
        abstract: "Runs a command while it holds a distributed lock.",
        discussion: """
            zklock --connect zk1,zk2,zk3 /locks/nightly -- backup --full

            The command runs in a process group of its own. When the lock is lost, or zklock itself is killed or frozen, \
            the group gets SIGTERM, and SIGKILL after the grace. In its environment are ZKLOCK_PATH and \
            ZKLOCK_FENCING_TOKEN. Its standard input is empty.

            The exit status is the command's (128 + n if signal n ended it), or one of these:

                64  the options are not valid
                69  ZooKeeper could not be used
                70  the lock was lost, and the command has been ended
                75  the lock was not acquired in time, also if no server answered in that time
               127  the command could not be started
             128+n  signal n told zklock to end, and the command with it
            """,
        subcommands: [Hold.self, Supervise.self], defaultSubcommand: Hold.self)
}

/// The command that takes the lock and runs the user's command.
struct Hold: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "hold", shouldDisplay: false)

    @Option(help: "The servers, as host:port,host:port/chroot.")
    var connect = "127.0.0.1:2181"

    @Option(help: "The time to wait for the lock in seconds. Default: no limit.")
    var timeout: Double?

    @Flag(name: .customLong("try"), help: "Do not wait for the lock.")
    var isTry = false

    @Flag(help: "Share the lock with other commands that use --shared, as readers share a read/write lock.")
    var shared = false

    @Option(
        help:
            "Seconds between SIGTERM and SIGKILL. The lock is held meanwhile, unless it is lost: then others may acquire it."
    )
    var grace = 2.0

    @Option(help: "The session time-out in seconds: the time after which others get the lock when this machine fails.")
    var sessionTimeout = 10.0

    @Argument(help: "The path of the lock: that of a Curator InterProcessReadWriteLock.")
    var path: String

    @Argument(parsing: .postTerminator, help: "After --: the command and its arguments.")
    var command: [String]

    func validate() throws {
        guard !command.isEmpty else { throw ValidationError("there is no command; give it after --") }
        guard (0...3_600).contains(grace) else { throw ValidationError("--grace is 0 to 3600 seconds") }
        guard (1...600).contains(sessionTimeout) else { throw ValidationError("--session-timeout is 1 to 600 seconds") }
        guard !(isTry && timeout != nil) else { throw ValidationError("--try does not wait: it takes no --timeout") }
        if let timeout {
            guard timeout > 0, timeout < 1e9 else { throw ValidationError("--timeout is a positive number of seconds") }
        }
    }

    func run() async throws {
        let path: ZNodePath
        var configuration: ZooKeeperConfiguration
        do {
            path = try ZNodePath(self.path)
            configuration = try ZooKeeperConfiguration(connect)
        } catch {
            throw ValidationError("\(error)")
        }
        configuration.sessionTimeout = .seconds(sessionTimeout)
        // Before the lock is held: from here on a signal does not end this process. (Not SIGPIPE: it comes to the
        // thread that writes, and passing it on can keep Dispatch's own thread busy for ever.)
        ignoreBrokenPipes()
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        let holding = Task { [configuration] in await hold(path, configuration) }
        let listening = Task {
            for await signal in signals {
                holding.cancel()
                return Optional(signal)
            }
            return nil
        }
        let status = await holding.value
        listening.cancel()
        if holding.isCancelled, let signal = await listening.value { throw ExitCode(128 + signal.rawValue) }
        throw ExitCode(status)
    }

    /// Acquires the lock and runs the command.
    ///
    /// - Returns: The exit status.
    private func hold(_ path: ZNodePath, _ configuration: ZooKeeperConfiguration) async -> Int32 {
        // The exit status of the command, once it has ended.
        var commandStatus: Int32?
        do {
            return try await ZooKeeperClient.withClient(configuration) { client in
                let lock = ZooKeeperReadWriteLock(client, at: path)
                let limit = timeout.map { Duration.seconds($0) }
                let body = { (lease: LockLease) async throws -> Int32 in
                    let status = try await SupervisedCommand(command: command, grace: .seconds(grace), lease: lease)
                        .run()
                    commandStatus = status
                    return status
                }
                switch (shared, isTry) {
                case (true, false): return try await lock.withReadLock(waitingUpTo: limit, body)
                case (false, false): return try await lock.withWriteLock(waitingUpTo: limit, body)
                case (true, true): return try await lock.withReadLockIfAvailable(body) ?? Status.notAcquired
                case (false, true): return try await lock.withWriteLockIfAvailable(body) ?? Status.notAcquired
                }
            }
        } catch LockError.Code.timedOut {
            return Status.notAcquired
        } catch LockError.Code.lost {
            printError("\(path): the lock was lost, and the command has been ended")
            return Status.lost
        } catch let error as LockError where error.code == .notReleased {
            printError("the command has ended, but the lock is not released before this session ends: \(error)")
            return commandStatus ?? Status.unavailable
        } catch is CancellationError {
            return Status.unavailable
        } catch {
            printError("\(error)")
            return Status.unavailable
        }
    }
}
