// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
import ZooKeeper

/// The command line by which a command is run under a lock: `zklock [OPTIONS] PATH [--] COMMAND...`, as that of flock(1).
package struct HoldOptions: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "zklock",
        abstract: "Runs a command while it holds a distributed lock, as flock(1) does; or shows who holds one.",
        usage: """
            zklock [<options>] <path> [--] <command> ...
            zklock [<options>] <path> -c <string>
            zklock ls|watch|revoke|break ...        (zklock ls --help)
            """,
        discussion: """
            zklock --connect zk1,zk2,zk3 /locks/nightly -- backup --full

            By default the lock is that of Apache Curator's InterProcessMutex, and of ZooKeeperLock in Swift. The command gets \
            zklock's input, output, descriptors and terminal, and ZKLOCK_PATH and ZKLOCK_FENCING_TOKEN in its environment. It \
            is ended when the lock is lost, also if zklock itself is killed or stopped: with SIGTERM, and SIGKILL after the grace. \
            SIGHUP, SIGINT, SIGQUIT and SIGTERM are passed on to it; the lock is held until it has ended, with what it has left in \
            its process group.

            The exit status is the command's (zklock dies by the signal by which the command died), or one of these:

                64  the options are not valid
                69  ZooKeeper could not be used
                70  the lock was lost, and the command has been ended
                71  the system gave no process
                75  another participant has the lock (see --conflict-exit-code)
                76  another kind of lock is in use at the path
               126  the command cannot be executed
               127  the command was not found

            And a window on any lock, of Curator, kazoo and go-zookeeper too; each has --help:

                zklock ls PATH          who holds it, who waits, since when
                zklock watch PATH       one line per change
                zklock revoke PATH      ask the holder to release it
                zklock break PATH NODE  delete the node of a participant

            Times are seconds (0.5), or have units (500ms, 90s, 10m, 1h30m, 2d).
            """,
        version: "0.1.0",
        shouldDisplay: false)

    @OptionGroup(title: "Servers") var connection: ConnectionOptions

    @Flag(name: [.customShort("n"), .customLong("try"), .customLong("nonblock")], help: "Do not wait for the lock.")
    var isTry = false

    @Option(
        name: [.customShort("w", allowingJoined: true), .customLong("timeout"), .customLong("wait")],
        help: ArgumentHelp("The longest wait for the lock. Default: no limit.", valueName: "seconds"))
    var timeout: TimeSpan?

    @Flag(
        name: [.customShort("s"), .customLong("shared")],
        help: "Take a read/write lock (Curator's InterProcessReadWriteLock) together with others that share it.")
    var isShared = false

    @Flag(
        name: [.customShort("x"), .customShort("e"), .customLong("read-write"), .customLong("exclusive")],
        help: "Take a read/write lock alone: it excludes --shared, and not those with neither option.")
    var isExclusive = false

    @Flag(help: "Take kazoo's Lock; with --shared and --read-write, its ReadLock and WriteLock.")
    var kazoo = false

    @Option(
        name: [.customShort("E", allowingJoined: true), .customLong("conflict-exit-code")],
        help: ArgumentHelp("The exit status if another participant has the lock.", valueName: "status"))
    var conflictExitCode = Status.taken

    @Option(
        name: [.customShort("c", allowingJoined: true), .customLong("command")],
        help: ArgumentHelp("A command for the shell ($SHELL, or /bin/sh), in one argument.", valueName: "string"))
    var shellCommand: String?

    @Option(
        help: ArgumentHelp(
            "Between a signal that ends the command and SIGKILL. The lock is held meanwhile, unless it is lost.",
            valueName: "seconds"))
    var grace = TimeSpan(.seconds(2))

    @Option(
        help: ArgumentHelp(
            "The session time-out: after it others get the lock when this machine fails.", valueName: "seconds"))
    var sessionTimeout = TimeSpan(.seconds(10))

    @Option(
        help: ArgumentHelp(
            "Keep the lock for so long at least, also if the command ends before: longer than the clocks of cron's machines differ.",
            valueName: "seconds"))
    var holdAtLeast: TimeSpan?

    @Option(
        help: ArgumentHelp(
            "Run the command only if it has not been run by anybody within this time, with success: else exit with 0.",
            valueName: "duration"))
    var oncePer: TimeSpan?

    @Option(help: ArgumentHelp("The name that others see. Default: host name and process id.", valueName: "name"))
    var id: String?

    @Flag(help: "End the command when another client asks for the lock (zklock revoke, Curator's Revoker).")
    var revocable = false

    @Flag(name: [.customShort("q"), .long], help: "Say nothing of the lock.")
    var quiet = false

    @Flag(name: [.customShort("v"), .long], help: "Say what is done, and after how long.")
    var verbose = false

    @Flag(name: [.customShort("o"), .customLong("close")], help: .hidden)
    var isClosing = false

    @Flag(name: [.customShort("F"), .customLong("no-fork")], help: .hidden)
    var isWithoutFork = false

    @Flag(name: [.customShort("u"), .customLong("unlock")], help: .hidden)
    var isUnlock = false

    @Argument(
        parsing: .captureForPassthrough,
        help: ArgumentHelp("The path of the lock, and the command with its arguments.", valueName: "path command"))
    var words: [String] = []

    package init() {}

    /// Parses a command line. Options may also stand between the path and `--`.
    package static func parse(arguments: [String]) throws -> HoldOptions {
        var options = try parse(arguments)
        // As getopt takes it: the end of the options.
        if options.words.first == "--" {
            options.words.removeFirst()
            return options
        }
        switch options.words.first {
        case "-h", "--help", "help": throw CleanExit.helpRequest(HoldOptions.self)
        case "-V", "--version": throw CleanExit.message(configuration.version)
        default: break
        }
        guard let path = options.words.first, !path.hasPrefix("-"), let next = options.words.dropFirst().first,
            next.hasPrefix("-"), next != "-", next != "--"
        else { return options }
        let before = arguments.dropLast(options.words.count)
        options = try parse(Array(before) + Array(options.words.dropFirst()))
        if let first = options.words.first, first.hasPrefix("-"), first != "--" {
            if ["-V", "--version"].contains(first) { throw CleanExit.message(configuration.version) }
            throw ValidationError("unknown option \(first); put -- in front of a command that begins with a hyphen")
        }
        options.words.insert(path, at: 0)
        return options
    }

    /// Checks everything.
    ///
    /// - Parameter shell: The shell for `-c`.
    /// - Throws: `ValidationError`.
    package func request(shell: String) throws -> HoldRequest {
        func require(_ condition: Bool, _ message: String) throws {
            guard condition else { throw ValidationError(message) }
        }
        try require(
            !isWithoutFork,
            """
            --no-fork cannot be: zklock must live beside the command, to keep the session that holds the lock and to end the \
            command if it is lost
            """)
        try require(
            !isUnlock, "--unlock cannot be: the lock is held by a process, not by a descriptor; end that process")
        guard let first = words.first else {
            throw ValidationError("there is no path; usage: zklock [OPTIONS] PATH [--] COMMAND")
        }
        try require(!first.hasPrefix("-"), "unknown option \(first)")
        try require(
            !["ls", "watch", "revoke", "break"].contains(first), "\(first) comes first: zklock \(first) [OPTIONS] PATH")
        var rest = words.dropFirst()
        if rest.first == "--" { rest = rest.dropFirst() }
        if let shellCommand {
            try require(rest.isEmpty, "-c takes the whole command as one argument; there is more: \(rest.first ?? "")")
            rest = [shell, "-c", shellCommand]
        }
        try require(!rest.isEmpty, "there is no command; give it after the path, or as a string with -c")
        var request = HoldRequest(
            path: try ConnectionOptions.path(first),
            command: HeldCommand(Array(rest), isShellString: shellCommand != nil))
        try require(!(isTry && timeout != nil), "--try does not wait: it takes no --timeout")
        try require(!(isShared && isExclusive), "--shared and --read-write exclude each other")
        try require(
            oncePer == nil || !(isShared || isExclusive), "--once-per is for a lock without --shared and --read-write")
        try require(oncePer.map { $0.duration > .zero } ?? true, "--once-per must be more than zero")
        try require(grace.duration <= .seconds(3_600), "--grace is 0 to 3600 seconds")
        try require((0...255).contains(conflictExitCode), "--conflict-exit-code is 0 to 255")
        try require(
            (.seconds(1)...(.seconds(600))).contains(sessionTimeout.duration), "--session-timeout is 1 to 600 seconds")
        request.kind = isShared ? .shared : isExclusive ? .exclusive : .mutex
        request.isKazoo = kazoo
        // flock -w 0 does not wait either.
        request.patience = isTry || timeout?.duration == .zero ? .none : timeout.map { .upTo($0.duration) } ?? .forever
        request.statusIfTaken = conflictExitCode
        request.grace = grace.duration
        request.holdAtLeast = holdAtLeast?.duration ?? .zero
        request.oncePer = oncePer?.duration
        request.id = id
        request.isRevocable = revocable
        request.isQuiet = quiet
        request.isVerbose = verbose && !quiet
        return request
    }

    /// The settings of the client.
    func clientConfiguration() throws -> ZooKeeperConfiguration {
        let isPatient = !isTry && timeout?.duration != .zero
        var configuration = try connection.configuration(connectTimeout: .seconds(isPatient ? 15 : 3))
        configuration.sessionTimeout = sessionTimeout.duration
        // So that it is known by then what the servers do.
        if let timeout, timeout.duration > .zero {
            configuration.connectTimeout = min(configuration.connectTimeout, timeout.duration)
        }
        return configuration
    }
}
