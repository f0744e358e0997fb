import ProcessSignals
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// `zklock`, as its users start it: in a shell, which says its process id and its exit status.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct ZKLockTests {
    /// A command that prints its process id, and a line when it gets the signal.
    private static let command = [
        "sh", "-c", "trap 'echo told to end; exit 0' TERM; echo command $$; while :; do sleep 0.05; done",
    ]
    /// A command that ignores signals.
    private static let stubborn = ["sh", "-c", "trap '' TERM; echo command $$; while :; do sleep 0.05; done"]

    /// A grace that is over soon where it runs out, and where it does not one that a busy machine cannot use up.
    private static func grace(_ isStubborn: Bool) -> String { isStubborn ? "0.3" : "60" }

    private struct Run: Sendable {
        var running: Program.Running

        func pid(of name: String) async throws -> Int32 {
            let line = try await running.line(startingWith: name)
            return try #require(line.split(separator: " ").last.flatMap { Int32($0) })
        }
    }

    private func zklock(
        _ options: [String], _ command: [String], connect: String? = nil, path: String = "/lock",
        _ body: @Sendable (Run) async throws -> Void = { _ in }
    ) async throws -> [String] {
        let server = try ZooKeeperServer.required
        let script = #""$0" "$@" & echo "zklock $!"; wait $!; echo "status $?""#
        let arguments =
            [Program.path(of: "zklock"), "--connect", connect ?? server.connectString] + options
            + [path, "--"] + command
        let (lines, _) = try await Program(found: "sh").run(["-c", script] + arguments) {
            try await body(Run(running: $0))
        }
        return lines.filter { !$0.hasPrefix("zklock ") }
    }

    private func withChroot(_ body: (String, ZooKeeperReadWriteLock) async throws -> Void) async throws {
        let server = try ZooKeeperServer.required
        try await server.withClient { client in
            let connect = server.connectString + client.configuration.chroot.string
            try await body(connect, ZooKeeperReadWriteLock(client, at: "/lock"))
        }
    }

    private func isAlive(_ pid: Int32) -> Bool { kill(pid, 0) == 0 }

    @Test(arguments: [
        (["sh", "-c", "exit 3"], "status 3"), (["sh", "-c", "kill -9 $$"], "status 137"), (["true"], "status 0"),
        (["/no/such/command"], "status 127"), (["/bin/true"], "status 0"), (["/bin/../bin/false"], "status 1"),
    ])
    func theExitStatusIsTheCommands(_ command: [String], _ status: String) async throws {
        try await withChroot { connect, lock in
            let lines = try await zklock([], command, connect: connect)
            #expect(lines == [status])
            #expect(try await lock.participants() == [])
        }
    }

    @Test func theCommandHoldsTheLockAndKnowsItsToken() async throws {
        try await withChroot { connect, lock in
            let lines = try await zklock(
                [], ["sh", "-c", "echo $ZKLOCK_PATH $ZKLOCK_FENCING_TOKEN; read line; echo no more input"],
                connect: connect)
            let words = try #require(lines.first).split(separator: " ")
            #expect(words.first == "/lock" && FencingToken(words[1]) != nil)
            #expect(lines.dropFirst() == ["no more input", "status 0"])
            let next = try await lock.withWriteLock { $0.fencingToken }
            #expect(try #require(FencingToken(words[1])) < next)
        }
    }

    /// Returns the output of a command that would run at once with these options.
    private func outcome(_ options: [String], _ connect: String) async throws -> String {
        try await zklock(options, ["echo", "ran"], connect: connect).joined(separator: ", ")
    }

    @Test func aTimeOutIsSaid() async throws {
        try await withChroot { connect, lock in
            try await lock.withWriteLock { _ in
                for options in [["--try"], ["--timeout", "0.2"], ["--try", "--shared"]] {
                    let outcome = try await outcome(options, connect)
                    #expect(outcome == "status 75", "\(options)")
                }
            }
            try await lock.withReadLock { _ in
                let (together, alone) = (
                    try await outcome(["--try", "--shared"], connect), try await outcome(["--try"], connect)
                )
                #expect(together == "ran, status 0")
                #expect(alone == "status 75")
            }
        }
    }

    @Test func itWaitsForItsTurn() async throws {
        try await withChroot { connect, lock in
            let held = try await lock.acquireWriteLock()
            let lines = try await zklock([], ["echo", "ran"], connect: connect) { run in
                try await eventually("waits") { try await lock.participants().count == 2 }
                #expect(!run.running.lines.value.contains("ran"))
                try await held.release()
            }
            #expect(lines == ["ran", "status 0"])
        }
    }

    @Test(arguments: [true, false]) func whenTheLockIsLostTheCommandEnds(_ isStubborn: Bool) async throws {
        try await withChroot { connect, lock in
            let lines = try await zklock(
                ["--grace", Self.grace(isStubborn)], isStubborn ? Self.stubborn : Self.command, connect: connect
            ) { run in
                let pid = try await run.pid(of: "command")
                let server = try ZooKeeperServer.required
                try await ZooKeeperClient.withClient(server.configuration) { client in
                    let chroot = connect.drop { $0 != "/" }
                    let node = try #require(try await lock.participants().first).path
                    try await client.delete(ZNodePath(String(chroot) + node.string))
                }
                try await eventually("the command has ended") { !isAlive(pid) }
            }
            #expect(lines.contains("told to end") == !isStubborn)
            #expect(lines.last == "status 70")
        }
    }

    @Test(arguments: [true, false]) func aSignalEndsTheCommandAndReleasesTheLock(_ isStubborn: Bool) async throws {
        try await withChroot { connect, lock in
            let lines = try await zklock(
                ["--grace", Self.grace(isStubborn)], isStubborn ? Self.stubborn : Self.command, connect: connect
            ) { run in
                let (pid, zklock) = (try await run.pid(of: "command"), try await run.pid(of: "zklock"))
                ProcessSignal.send(SIGTERM, to: zklock)
                try await eventually("the command has ended") { !isAlive(pid) }
            }
            #expect(lines.last == "status 143")
            #expect(try await lock.participants() == [], "given back, not left to expire")
        }
    }

    /// No other client gets the lock while the command takes to end, within its grace, and no loss is reported.
    @Test(arguments: [SIGTERM, SIGINT, SIGHUP]) func theLockIsHeldUntilTheCommandHasEnded(_ signal: Int32) async throws
    {
        try await withChroot { connect, lock in
            try await withTemporaryFile(containing: "") { file in
                let command = [
                    "sh", "-c",
                    "exec 2>/dev/null; trap 'echo told; while [ ! -s $1 ]; do sleep 0.05; done; echo ends; exit 0' TERM; echo command; while :; do sleep 0.05; done",
                    "sh", file,
                ]
                let script = #""$0" "$@" 2>&1 & echo "zklock $!"; wait $!; echo "status $?""#
                let arguments =
                    [Program.path(of: "zklock"), "--connect", connect, "--grace", "60", "/lock", "--"] + command
                let granted = Promise<Void>()
                let waiting = Shared<Task<Bool, any Error>?>(nil)
                let (lines, _) = try await Program(found: "sh").run(["-c", script] + arguments) { running in
                    _ = try await running.line(startingWith: "command")
                    let own = try #require(try await lock.participants().first).path
                    waiting.withLock { $0 = Task { try await lock.withWriteLock { _ in granted.fulfil(()) } } }
                    try await eventually("enqueued") { try await lock.participants().count == 2 }
                    let pid = try await running.line(startingWith: "zklock").split(separator: " ").last.flatMap {
                        Int32($0)
                    }
                    #expect(ProcessSignal.send(signal, to: try #require(pid)))
                    _ = try await running.line(startingWith: "told")
                    for _ in 0..<3 { try await lock.participants().first.map { #expect($0.path == own) } }
                    #expect(granted.current == nil)
                    try overwrite(file, "go")
                    _ = try await running.line(startingWith: "ends")
                }
                #expect(
                    lines.filter { !$0.hasPrefix("zklock ") } == ["command", "told", "ends", "status \(128 + signal)"])
                _ = try await waiting.value?.value
                #expect(granted.current != nil)
            }
        }
    }

    @Test func aSignalEndsTheWaiting() async throws {
        try await withChroot { connect, lock in
            try await lock.withWriteLock { _ in
                let lines = try await zklock([], ["echo", "ran"], connect: connect) { run in
                    try await eventually("waits") { try await lock.participants().count == 2 }
                    let pid = try await run.pid(of: "zklock")
                    ProcessSignal.send(SIGINT, to: pid)
                }
                #expect(lines == ["status 130"])
                #expect(try await lock.participants().count == 1)
            }
        }
    }

    /// The lock stays with the session of the supervisor that was killed, and the command does not outlive it.
    @Test(arguments: [true, false]) func killedWithNineTheCommandEndsToo(_ isStubborn: Bool) async throws {
        try await withChroot { connect, lock in
            let lines = try await zklock(
                ["--grace", Self.grace(isStubborn), "--session-timeout", "20"],
                isStubborn ? Self.stubborn : Self.command,
                connect: connect
            ) { run in
                let (pid, zklock) = (try await run.pid(of: "command"), try await run.pid(of: "zklock"))
                ProcessSignal.send(SIGKILL, to: zklock)
                try await eventually("the command has ended") { !isAlive(pid) }
                #expect(try await lock.participants().count == 1, "before the servers give the lock away")
            }
            #expect(lines.contains("status 137"))
        }
    }

    /// A process that the command has started does not end with it.
    @Test func killedWithNineNothingOfTheCommandIsLeft() async throws {
        try await withChroot { connect, lock in
            let family = ["sh", "-c", "sh -c 'trap \"\" TERM; echo command $$; while :; do sleep 0.05; done' & wait"]
            let lines = try await zklock(
                ["--grace", "0.3", "--session-timeout", "20"], family, connect: connect
            ) { run in
                let (pid, zklock) = (try await run.pid(of: "command"), try await run.pid(of: "zklock"))
                ProcessSignal.send(SIGKILL, to: zklock)
                try await eventually("the command's child has ended") { !isAlive(pid) }
                let inLine = try await lock.participants().count
                #expect(inLine == 1, "before the servers give the lock away")
            }
            #expect(lines.contains("status 137"))
        }
    }

    /// The supervisor ends the command when zklock is stopped and cannot renew its deadline.
    @Test(arguments: [true, false]) func stoppedForTooLongTheCommandEndsToo(_ isStubborn: Bool) async throws {
        try await withChroot { connect, lock in
            let lines = try await zklock(
                ["--grace", Self.grace(isStubborn), "--session-timeout", "4"],
                isStubborn ? Self.stubborn : Self.command,
                connect: connect
            ) { run in
                let (command, zklock) = (try await run.pid(of: "command"), try await run.pid(of: "zklock"))
                ProcessSignal.stop(zklock)
                defer { ProcessSignal.send(SIGCONT, to: zklock) }
                try await eventually("the command has ended") { !isAlive(command) }
            }
            #expect(lines.last == "status 70")
        }
    }

    /// The command does not outlive its supervisor either.
    @Test func withoutItsSupervisorTheCommandEnds() async throws {
        try await withChroot { connect, lock in
            let lines = try await zklock([], Self.stubborn, connect: connect) { run in
                let pid = try await run.pid(of: "command")
                ProcessSignal.send(SIGKILL, to: getpgid(pid))
                try await eventually("the command has ended") { !isAlive(pid) }
            }
            #expect(lines.last == "status 70")
            #expect(try await lock.participants() == [])
        }
    }

    @Test func aRelativePathIsOneFromTheWorkingDirectory() async throws {
        let server = try ZooKeeperServer.required
        let script =
            #"cd /bin && "$0" --connect "$1" /relative -- ./echo ran && cd / && "$0" --connect "$1" /relative -- bin/echo too"#
        let (lines, status) = try await Program(found: "sh").status(
            ["-c", script, Program.path(of: "zklock"), server.connectString]
        ) { _ in }
        #expect(status == 0)
        #expect(lines == ["ran", "too"])
    }

    /// The supervisor signals its group, which must be its own.
    @Test func theSupervisorIsNotForOthers() async throws {
        let (lines, status) = try await Program(found: "sh").status(
            ["-c", #""$0" supervise --grace 0 -- echo ran </dev/null; echo "status $?""#, Program.path(of: "zklock")]
        ) { _ in }
        #expect(status == 0)
        #expect(lines == ["status 64"])
    }

    @Test(arguments: [
        (["--timeout", "-1"], "/lock", "status 64"), (["--try", "--timeout", "1"], "/lock", "status 64"),
        (["--grace", "nan"], "/lock", "status 64"), (["--session-timeout", "0"], "/lock", "status 64"),
        ([], "lock", "status 64"), ([], "/lock/", "status 64"),
    ])
    func badInputIsSaidToBe(_ options: [String], _ path: String, _ status: String) async throws {
        let lines = try await zklock(options, ["echo", "ran"], path: path)
        #expect(lines == [status])
    }

    @Test func withoutAServerItSaysSo() async throws {
        for (connect, status) in [
            ("127.0.0.1:1/no/chroot/", "status 64"), ("127.0.0.1:port", "status 64"), ("127.0.0.1:1", "status 69"),
        ] {
            let outcome = try await outcome([], connect)
            #expect(outcome == status)
        }
    }
}
