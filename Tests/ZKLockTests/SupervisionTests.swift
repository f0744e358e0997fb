// SPDX-License-Identifier: Apache-2.0

import ProcessSignals
import SystemPackage
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

/// The command of `zklock` and what becomes of it: by signals, by the loss of the lock, by the end of any of the processes.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct SupervisionTests {
    private func withLock(_ body: (String, ZooKeeperLock) async throws -> Void) async throws {
        try await withChroot { connect, client in try await body(connect, ZooKeeperLock(client, at: "/lock")) }
    }

    // MARK: The end of the lock

    @Test(arguments: [true, false]) func whenTheLockIsLostTheCommandEnds(_ isStubborn: Bool) async throws {
        try await withChroot { connect, client in
            let lock = ZooKeeperLock(client, at: "/lock")
            let lines = try await Command.run(
                Command.grace(isStubborn), isStubborn ? Command.stubborn : Command.patient, connect
            ) { command in
                let pid = try await command.pid(of: "command")
                try await client.delete(try #require(try await lock.participants().first).path)
                try await command.waitForEnd(of: pid)
            }
            #expect(lines.contains("told to end") == !isStubborn)
            #expect(lines.contains("zklock: the lock /lock was lost: its node was deleted; the command has been ended"))
            #expect(lines.last == "status 70")
        }
    }

    /// What has left the group of the command ends on loss, too.
    @Test func whenTheLockIsLostDaemonsEnd() async throws {
        try await withChroot { connect, client in
            let lock = ZooKeeperLock(client, at: "/lock")
            let daemon = "setsid sh -c 'echo daemon $$; exec sleep 600' & echo command $$; wait"
            try await Command.run(["--grace", "0.3"], ["sh", "-c", daemon], connect) { command in
                let pid = try await command.pid(of: "daemon")
                try await client.delete(try #require(try await lock.participants().first).path)
                try await command.waitForEnd(of: pid)
            }
        }
    }

    // MARK: Signals

    @Test(arguments: [SIGTERM, SIGINT, SIGHUP, SIGQUIT], [true, false])
    func aSignalEndsTheCommandAndReleasesTheLock(_ signal: Int32, _ isStubborn: Bool) async throws {
        try await withLock { connect, lock in
            let name = try #require([SIGTERM: "TERM", SIGINT: "INT", SIGHUP: "HUP", SIGQUIT: "QUIT"][signal])
            let trap = isStubborn ? "trap '' \(name)" : "trap 'echo told; exit 0' \(name)"
            let lines = try await Command.run(
                Command.grace(isStubborn), ["sh", "-c", "\(trap); echo command $$; while :; do sleep 0.05; done"],
                connect
            ) { command in
                let (pid, zklock) = (try await command.pid(of: "command"), command.zklock)
                command.send(signal, to: zklock)
                try await command.waitForEnd(of: pid)
            }
            // It dies by the signal, as under flock.
            #expect(lines.last == "status \(128 + signal)")
            #expect(lines.count { $0 == "told" } == (isStubborn ? 0 : 1))
            #expect(try await lock.participants() == [], "released, not left to expire")
        }
    }

    /// No other client gets the lock while the command takes to end.
    @Test(arguments: [SIGTERM, SIGINT, SIGHUP]) func theLockIsHeldUntilTheCommandHasEnded(_ signal: Int32) async throws
    {
        try await withLock { connect, lock in
            try await withTemporaryFile(containing: "") { file in
                let name = try #require([SIGTERM: "TERM", SIGINT: "INT", SIGHUP: "HUP"][signal])
                let script = """
                    trap 'echo told; while [ ! -s \(file) ]; do sleep 0.05; done; echo ends; exit 0' \(name)
                    echo command; while :; do sleep 0.05; done
                    """
                let granted = Promise<Void>()
                let waiting = Shared<Task<Void, any Error>?>(nil)
                let lines = try await Command.run(["--grace", "60"], ["sh", "-c", script], connect) { command in
                    _ = try await command.running.line(startingWith: "command")
                    let own = try #require(try await lock.participants().first).path
                    waiting.withLock { $0 = Task { try await lock.withLock { _ in _ = granted.fulfil(()) } } }
                    try await eventually("enqueued") { try await lock.participants().count == 2 }
                    command.send(signal, to: command.zklock)
                    _ = try await command.running.line(startingWith: "told")
                    #expect(try await lock.participants().first?.path == own)
                    #expect(granted.current == nil)
                    try overwrite(file, "go")
                    _ = try await command.running.line(startingWith: "ends")
                }
                #expect(lines.filter { ["told", "ends"].contains($0) } == ["told", "ends"])
                #expect(lines.last == "status \(128 + signal)")
                try await waiting.value?.value
                #expect(granted.current != nil)
            }
        }
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT]) func aSignalEndsTheWaiting(_ signal: Int32) async throws {
        try await withLock { connect, lock in
            try await lock.withLock { _ in
                let lines = try await Command.run([], ["echo", "ran"], connect) { command in
                    try await eventually("waits") { try await lock.participants().count == 2 }
                    command.send(signal, to: command.zklock)
                }
                #expect(lines == ["status \(128 + signal)"])
                #expect(try await lock.participants().count == 1)
            }
        }
    }

    @Test func otherSignalsArePassedOn() async throws {
        try await withLock { connect, _ in
            let script = """
                for name in USR1 USR2 WINCH CONT; do trap "echo got $name" $name; done
                trap 'exit 5' TERM; echo command $$; while :; do sleep 0.05; done
                """
            let lines = try await Command.run([], ["bash", "-c", script], connect) { command in
                let (pid, zklock) = (try await command.pid(of: "command"), command.zklock)
                for (signal, name) in [(SIGUSR1, "USR1"), (SIGUSR2, "USR2"), (SIGWINCH, "WINCH"), (SIGCONT, "CONT")] {
                    command.send(signal, to: zklock)
                    _ = try await command.running.line(startingWith: "got \(name)")
                }
                command.send(SIGTERM, to: pid)
            }
            #expect(lines.count { $0.hasPrefix("got ") } == 4)
            #expect(lines.last == "status 5")
        }
    }

    /// As nohup(1) starts it, and a script that starts it in the background.
    @Test func whatIsIgnoredStaysIgnored() async throws {
        try await withLock { connect, lock in
            let shell = #"trap '' HUP INT; exec "$0" "$@" 2>&1"#
            let script = "trap 'exit 5' TERM; echo command $$; while :; do sleep 0.05; done"
            let line = ["--connect", connect, "/lock", "sh", "-c", script]
            let lines = try await Command.run(line, shell: shell) { command in
                let (pid, zklock) = (try await command.pid(of: "command"), command.zklock)
                let status = try readFile("/proc/\(pid)/status").split(separator: "\n")
                let ignored = try #require(status.first { $0.hasPrefix("SigIgn:") }?.split(separator: "\t").last)
                #expect(try #require(Int(ignored, radix: 16)) & 0b11 == 0b11)
                for signal in [SIGHUP, SIGINT] { command.send(signal, to: zklock) }
                // The next signal that counts comes after them.
                command.send(SIGUSR1, to: zklock)
                command.send(SIGTERM, to: pid)
            }
            #expect(["status 5", "status 138"].contains(lines.last))
        }
    }

    @Test func childrenThatAreIgnoredAreWaitedForAllTheSame() async throws {
        try await withLock { connect, _ in
            let start =
                "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
            let shell = #"exec python3 -c "$START" "$0" "$@""#
            let lines = try await Command.run(
                ["--connect", connect, "-q", "/lock", "sh", "-c", "(exit 3) || exit 7"],
                environment: ["START": start], shell: shell)
            #expect(lines == ["status 7"])
        }
    }

    // MARK: The end of processes

    /// The lock stays with the session of the one that was killed, and the command does not outlive it.
    @Test(arguments: [true, false]) func killedWithNineTheCommandEndsToo(_ isStubborn: Bool) async throws {
        try await withLock { connect, lock in
            let line = ["--connect", connect, "--session-timeout", "20"] + Command.grace(isStubborn) + ["/lock"]
            let lines = try await Command.run(
                line + (isStubborn ? Command.stubborn : Command.patient), shell: Command.waitingShell
            ) { command in
                let (pid, zklock) = (try await command.pid(of: "command"), try await command.pid(of: "zklock"))
                command.send(SIGKILL, to: zklock)
                try await command.waitForEnd(of: pid)
                #expect(try await lock.participants().count == 1, "before the servers give the lock away")
            }
            #expect(lines.contains("told to end") == !isStubborn)
            #expect(lines.contains("ended with 137"))
        }
    }

    /// Nor do the processes that it has started, in its group and elsewhere.
    @Test func killedWithNineNothingOfTheCommandIsLeft() async throws {
        try await withLock { connect, lock in
            let family = """
                sh -c 'trap "" TERM; echo child $$; while :; do sleep 0.05; done' &
                setsid sh -c 'trap "" TERM; echo daemon $$; while :; do sleep 0.05; done' & wait
                """
            let lines = try await Command.run(
                ["--grace", "0.3", "--session-timeout", "20"], ["sh", "-c", family], connect
            ) { command in
                let pids = (try await command.pid(of: "child"), try await command.pid(of: "daemon"))
                command.send(SIGKILL, to: command.zklock)
                try await command.waitForEnd(of: pids.0)
                try await command.waitForEnd(of: pids.1)
                let inLine = try await lock.participants().count
                #expect(inLine == 1, "before the servers give the lock away")
            }
            #expect(lines.contains("status 137"))
        }
    }

    /// An abort of zklock itself, which its runtime must not turn into a report and nothing else.
    @Test(arguments: [SIGABRT, SIGSEGV]) func aFaultEndsBoth(_ signal: Int32) async throws {
        try await withLock { connect, _ in
            let line = ["--connect", connect, "/lock"] + Command.patient
            let lines = try await Command.run(
                line, environment: ["SWIFT_BACKTRACE": "enable=yes"], shell: Command.waitingShell
            ) { command in
                let pid = try await command.pid(of: "command")
                command.send(signal, to: try await command.pid(of: "zklock"))
                try await command.waitForEnd(of: pid)
            }
            #expect(lines.contains("ended with \(128 + signal)"))
        }
    }

    /// The system ends the command with the supervisor, when both are killed together.
    @Test(arguments: [true, false]) func killedTogetherWithItsSupervisor(_ isSupervisorFirst: Bool) async throws {
        try await withLock { connect, _ in
            let lines = try await Command.run([], Command.stubborn, connect) { command in
                let (pid, zklock) = (try await command.pid(of: "command"), command.zklock)
                let supervisor = try command.supervisor(of: pid)
                #expect(try #require(ProcessStatus(supervisor)).parent == zklock)
                // In one go: without zklock, the supervisor is no descendant of this process.
                let pids = isSupervisorFirst ? [supervisor, zklock] : [zklock, supervisor]
                #expect(pids.allSatisfy { $0 > 1 && ProcessSignal.isLiveDescendant($0) })
                let (_, succeeded) = try await Program(found: "kill").output(["-KILL"] + pids.map { "\($0)" })
                #expect(succeeded)
                try await command.waitForEnd(of: pid)
            }
            #expect(lines.contains("status 137"))
        }
    }

    /// The command does not outlive its supervisor either, nor does what it has started.
    @Test func withoutItsSupervisorTheCommandEnds() async throws {
        try await withLock { connect, lock in
            let family =
                "trap '' TERM; sh -c 'trap \"\" TERM; echo child $$; while :; do sleep 0.05; done' & echo command $$; wait"
            let lines = try await Command.run(["--grace", "0.3"], ["sh", "-c", family], connect) { command in
                let pids = (try await command.pid(of: "command"), try await command.pid(of: "child"))
                command.send(SIGKILL, to: try command.supervisor(of: pids.0))
                try await command.waitForEnd(of: pids.0)
                try await command.waitForEnd(of: pids.1)
            }
            #expect(lines.last == "status 70")
            #expect(try await lock.participants() == [])
        }
    }

    /// The supervisor ends the command when zklock is stopped and cannot renew its deadline.
    @Test(arguments: [true, false]) func stoppedForTooLongTheCommandEndsToo(_ isStubborn: Bool) async throws {
        try await withLock { connect, _ in
            let lines = try await Command.run(
                Command.grace(isStubborn) + ["--session-timeout", "2"],
                isStubborn ? Command.stubborn : Command.patient, connect
            ) { command in
                let (pid, zklock) = (try await command.pid(of: "command"), command.zklock)
                ProcessSignal.stop(zklock)
                defer { command.send(SIGCONT, to: zklock) }
                try await command.waitForEnd(of: pid)
            }
            #expect(lines.last == "status 70")
        }
    }

    /// A supervisor that stands still does not keep the command alive past the grace.
    @Test func whenTheSupervisorIsStoppedTheCommandEndsToo() async throws {
        try await withChroot { connect, client in
            let lock = ZooKeeperLock(client, at: "/lock")
            let lines = try await Command.run(["--grace", "0"], Command.stubborn, connect) { command in
                let pid = try await command.pid(of: "command")
                let supervisor = try command.supervisor(of: pid)
                ProcessSignal.stop(supervisor)
                try await client.delete(try #require(try await lock.participants().first).path)
                try await command.waitForEnd(of: pid)
            }
            #expect(lines.last == "status 70")
        }
    }

    // MARK: What the command leaves behind

    /// Processes of the command's group end with it, those that have left it live on.
    @Test func whatIsLeftOfTheGroupEndsWithTheCommand() async throws {
        try await withLock { connect, lock in
            try await withTemporaryFile(containing: "run") { file in
                try await withTemporaryFile(containing: "run") { daemonFile in
                    let script = """
                        sh -c 'trap "echo left; exit 0" TERM; echo child $$; while :; do sleep 0.05; done' &
                        setsid sh -c 'echo daemon $$; exec >&- 2>&-; while [ -s \(daemonFile) ]; do sleep 0.05; done' &
                        while [ -s \(file) ]; do sleep 0.05; done; exit 3
                        """
                    let lines = try await Command.run(
                        ["--connect", connect, "--grace", "60", "/lock", "sh", "-c", script],
                        shell: Command.waitingShell
                    ) { command in
                        let (child, daemon) = (
                            try await command.pid(of: "child"), try await command.pid(of: "daemon")
                        )
                        try overwrite(file, "")
                        _ = try await command.running.line(startingWith: "ended with")
                        #expect(!Command.isAlive(child))
                        #expect(Command.isAlive(daemon))
                        #expect(try await lock.participants() == [])
                        try overwrite(daemonFile, "")
                        try await command.waitForEnd(of: daemon)
                    }
                    #expect(lines.contains("left") && lines.contains("ended with 3"))
                }
            }
        }
    }

    /// What is left and does not end when it is told to is killed after the grace, and then the lock goes.
    @Test func whatIsLeftAndStubbornIsKilled() async throws {
        try await withLock { connect, lock in
            let script = "sh -c 'trap \"\" TERM; echo child $$; while :; do sleep 0.05; done' & read line; exit 3"
            let lines = try await Command.run(
                ["--connect", connect, "--grace", "0.3", "/lock", "sh", "-c", script], shell: Command.waitingShell
            ) { command in
                let child = try await command.pid(of: "child")
                _ = try await command.running.line(startingWith: "ended with 3")
                #expect(!Command.isAlive(child))
            }
            #expect(lines.last == "status 0")
            #expect(try await lock.participants() == [])
        }
    }

    /// Whether the group is empty is known also where no look at the processes sees one that forks and ends all the time.
    @Test func whatForksAndEndsAllTheTimeIsKilled() async throws {
        try await withLock { connect, lock in
            try await withTemporaryFile(containing: "") { file in
                let nomad = """
                    import os, signal, time
                    signal.signal(signal.SIGTERM, signal.SIG_IGN)
                    file = os.open('\(file)', os.O_WRONLY | os.O_APPEND)
                    print('begun', flush=True)
                    os.dup2(file, 1)
                    os.dup2(file, 2)
                    while True:
                        if os.fork():
                            os._exit(0)
                        os.write(file, b'x')
                    """
                let line = [
                    "--connect", connect, "--grace", "0.3", "/lock", "sh", "-c", "python3 -c \"$NOMAD\"; exit 3",
                ]
                let lines = try await Command.run(line, environment: ["NOMAD": nomad])
                #expect(lines == ["begun", "status 3"])
                #expect(try await lock.participants() == [])
                let written = try readFile(file).utf8.count
                #expect(written > 0)
                // The time of another run.
                try await Command.run([], ["true"], connect)
                #expect(try readFile(file).utf8.count == written)
            }
        }
    }

    // MARK: Descriptors

    @Test func inputAndDescriptorsArePassedOn() async throws {
        try await withLock { connect, _ in
            let shell = #"echo input | "$0" "$@" 5>&1 3<<END"# + "\nthree\nEND\n"
            let script = "read line; read third <&3; echo $line $third >&5"
            let line = ["--connect", connect, "-q", "/lock", "sh", "-c", script]
            try await check(Command.run(line, shell: shell), ["input three", "status 0"])
        }
    }

    /// An output that nobody reads any more is no reason to end the command.
    @Test func nobodyNeedsToReadWhatItSays() async throws {
        try await withChroot { connect, client in
            let lock = ZooKeeperLock(client, at: "/lock")
            try await withTemporaryFile(containing: "") { file in
                let script = "trap '' PIPE; echo command; while [ ! -s \(file) ]; do sleep 0.05; done; exit 3"
                let line = ["--connect", connect, "-v", "/lock", "bash", "-c", script]
                let shell = #"exec 3>&1; { "$0" "$@" 2>&1; echo "ended with $?" >&3; } | head -n 1 >&3"#
                let lines = try await Command.run(line, shell: shell) { command in
                    _ = try await command.running.line(startingWith: "zklock: getting the lock")
                    let held = try await eventuallyHeld(lock)
                    try await lock.requestRevocation(of: held)
                    try await eventually("it is told") { try await lock.participants().first?.id == nil }
                    try overwrite(file, "end")
                }
                #expect(lines.contains("ended with 3"), "\(lines)")
            }
        }
    }

    private func eventuallyHeld(_ lock: ZooKeeperLock) async throws -> Participant {
        try await eventually("held") { try await !lock.participants().isEmpty }
        return try #require(try await lock.participants().first)
    }

    /// Closed standard descriptors stay closed, and nothing of zklock's gets their numbers.
    @Test func closedDescriptorsStayClosed() async throws {
        try await withLock { connect, _ in
            let list =
                "import os; print([d for d in range(3) if os.path.exists(f'/proc/self/fd/{d}')], file=os.fdopen(5, 'w'))"
            let line = ["--connect", connect, "-q", "/lock", "python3", "-c", list]
            try await check(Command.run(line, shell: #""$0" "$@" 5>&1 >&- 2>&- <&-"#), ["[]", "status 0"])
            let more = "ls -l /proc/$$/fd | grep -c -e socket: -e eventpoll -e eventfd -e timerfd"
            try await check(Command.run(["--connect", connect, "-q", "/lock", "sh", "-c", more]).first, "0")
        }
    }

    // MARK: The first process of a container

    @Test(.enabled(if: Self.canUnshare, "namespaces need root"))
    func asTheFirstProcessOfAContainer() async throws {
        try await withLock { connect, lock in
            func run(
                _ script: String, _ body: @Sendable (Command) async throws -> Void = { _ in }
            ) async throws -> [String] {
                try await Command.run(
                    ["--connect", connect, "-q", "/lock", "sh", "-c", script],
                    shell: #"exec unshare --pid --fork --mount-proc "$0" "$@" 2>&1"#, body)
            }
            // Orphans are its children, and are waited for.
            try await check(run("(sh -c 'sleep 0.2' &); exit 6"), ["status 6"])
            try await check(run("kill -TERM $$"), ["status 143"])
            let zombies = "setsid sh -c '(true &) ; (true &)'; sleep 0.3; ps -o stat= -e | grep -c Z; exit 0"
            try await check(run(zombies), ["0", "status 0"])
            let lines = try await run(Command.patient[2]) { command in
                let inside = try await command.running.line(startingWith: "command")
                #expect(inside.hasPrefix("command "))
                let first = try #require(Command.descendants.first { Command.isFirstOfContainer($0) })
                command.send(SIGTERM, to: first)
            }
            #expect(lines.suffix(2) == ["told to end", "status 143"])
            #expect(try await lock.participants() == [])
        }
    }

    private static var canUnshare: Bool { geteuid() == 0 && (try? readFile("/usr/bin/unshare")) != nil }

    // MARK: At random

    /// Two commands under one lock, which are told to end at random moments, never run at the same time, and leave nothing
    /// behind. Each writes the times at which it runs into a file, without a gap of more than a moment.
    @Test(arguments: 0..<(Int(Command.variable("ZKLOCK_ROUNDS") ?? "") ?? 4))
    func signalsAtRandomMoments(_ seed: Int) async throws {
        try await withLock { connect, lock in
            try await RandomSignals(seed: UInt64(seed), connect: connect).run()
            try await eventually("the queue is empty") { try await lock.participants().isEmpty }
        }
    }
}
