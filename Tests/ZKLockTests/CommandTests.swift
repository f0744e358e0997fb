// SPDX-License-Identifier: Apache-2.0

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

/// `zklock` as its users start it in scripts: which lock it takes, how it runs the command, what it says.
@Suite(.zooKeeperServer, .timeLimit(.minutes(3))) struct CommandTests {
    // MARK: The command

    @Test(arguments: [
        (["sh", "-c", "exit 3"], "status 3"), (["sh", "-c", "kill -9 $$"], "status 137"), (["true"], "status 0"),
        (["/bin/true"], "status 0"), (["/bin/../bin/false"], "status 1"),
        (["sh", "-c", "kill -ABRT $$"], "status 134"),
        (["sh", "-c", "kill -SEGV $$"], "status 139"),
    ])
    func theExitStatusIsTheCommands(_ command: [String], _ status: String) async throws {
        try await withChroot { connect, client in
            let lines = try await Command.run([], command, connect)
            #expect(lines == [status])
            #expect(try await ZooKeeperLock(client, at: "/lock").participants() == [])
        }
    }

    @Test(arguments: [
        (["no-such-command"], "status 127"), (["/no/such/command"], "status 127"), ([""], "status 127"),
        (["/tmp"], "status 126"), (["/proc/version"], "status 126"),
    ])
    func aCommandThatCannotBeExecuted(_ command: [String], _ status: String) async throws {
        try await withChroot { connect, client in
            let lines = try await Command.run([], command, connect)
            #expect(lines.count == 2 && lines.last == status)
            #expect(lines.first?.hasPrefix("zklock: failed to execute \(command[0]): ") == true)
            #expect(try await ZooKeeperLock(client, at: "/lock").participants() == [])
        }
    }

    /// As for the shell.
    @Test func aFileWithoutAnInterpreterIsAScript() async throws {
        try await withTemporaryFile(containing: "echo a script with $1\n") { file in
            _ = try await Program(found: "chmod").output(["+x", file])
            try await withChroot { connect, _ in
                try await check(Command.run([], [file, "words"], connect), ["a script with words", "status 0"])
            }
        }
    }

    @Test func aRelativePathIsOneFromTheWorkingDirectory() async throws {
        try await withChroot { connect, _ in
            let script = #"cd /bin && "$0" -q "$@" -- ./echo ran && cd / && "$0" -q "$@" -- bin/echo too"#
            try await check(Command.run(["--connect", connect, "/lock"], shell: script), ["ran", "too", "status 0"])
        }
    }

    /// Also where an argument is no text.
    @Test func argumentsArePassedOnByteByByte() async throws {
        try await withChroot { connect, _ in
            let bytes = #"$(printf 'a\377\344b')"#
            let line = ["--connect", connect, "-q", "/lock"]
            for shell in [
                #""$0" "$@" printf %s \#(bytes) | od -An -tx1"#, #""$0" "$@" -c "printf %s '\#(bytes)'" | od -An -tx1"#,
            ] {
                let lines = try await Command.run(line, shell: shell)
                #expect(lines == [" 61 ff e4 62", "status 0"])
            }
        }
    }

    @Test func theCommandHoldsTheLockAndKnowsItsToken() async throws {
        try await withChroot { connect, client in
            let lines = try await Command.run([], ["sh", "-c", "echo $ZKLOCK_PATH $ZKLOCK_FENCING_TOKEN"], connect)
            let words = try #require(lines.first).split(separator: " ")
            #expect(words.first == "/lock" && FencingToken(words[1]) != nil)
            let next = try await ZooKeeperLock(client, at: "/lock").withLock { $0.fencingToken }
            #expect(try #require(FencingToken(words[1])) < next)
        }
    }

    @Test func anUserOfFlockFindsTheOptions() async throws {
        try await withChroot { connect, _ in
            let environment = ["ZOOKEEPER_CONNECT": connect, "SHELL": "/bin/sh"]
            for line in [
                ["-w", "2.5", "/lock", "echo", "ran"], ["/lock", "-c", "echo ran"], ["-n", "/lock", "-c", "echo ran"],
                ["-c", "echo ran", "/lock"], ["-x", "/rw", "echo", "ran"], ["-s", "/rw", "--", "echo", "ran"],
                ["-o", "-E", "3", "/lock", "echo", "ran"],
            ] {
                try await check(Command.run(line, environment: environment), ["ran", "status 0"], "\(line)")
            }
        }
    }

    // MARK: The lock

    /// The mutex of everybody, and the read/write lock.
    @Test func itIsTheLockOfOthers() async throws {
        try await withChroot { connect, client in
            func outcome(_ options: [String], _ path: String) async throws -> String? {
                try await Command.run(["--connect", connect, "-q"] + options + [path, "echo", "ran"]).first
            }
            try await ZooKeeperLock(client, at: "/mutex").withLock { _ in
                try await check(outcome(["-n"], "/mutex"), "status 75")
                try await check(outcome(["-w", "0.2"], "/mutex"), "status 75")
                try await check(outcome(["-n", "-E", "9"], "/mutex"), "status 9")
            }
            let readWrite = ZooKeeperReadWriteLock(client, at: "/rw")
            try await readWrite.withWriteLock { _ in
                try await check(outcome(["-n", "-x"], "/rw"), "status 75")
                try await check(outcome(["-n", "-s"], "/rw"), "status 75")
            }
            try await readWrite.withReadLock { _ in
                try await check(outcome(["-n", "-x"], "/rw"), "status 75")
                try await check(outcome(["-n", "-s"], "/rw"), "ran")
            }
            let kazoo = ZooKeeperLock(client, at: "/kazoo", configuration: .init(dialect: .kazoo))
            try await kazoo.withLock { _ in
                try await check(outcome(["-n", "--kazoo"], "/kazoo"), "status 75")
            }
            try await check(outcome(["-n", "--kazoo"], "/kazoo"), "ran")
        }
    }

    @Test func itWaitsForItsTurn() async throws {
        try await withChroot { connect, client in
            let lock = ZooKeeperLock(client, at: "/lock")
            let held = try await lock.acquire()
            let lines = try await Command.run([], ["echo", "ran"], connect) { command in
                try await eventually("waits") { try await lock.participants().count == 2 }
                #expect(!command.running.lines.value.contains("ran"))
                try await held.release()
            }
            #expect(lines == ["ran", "status 0"])
        }
    }

    /// A queue of another kind is not joined; the message says which option fits.
    @Test func anotherKindIsRefused() async throws {
        try await withChroot { connect, client in
            func lines(_ options: [String], _ path: String) async throws -> [String] {
                try await Command.run(["--connect", connect] + options + [path, "echo", "ran"])
            }
            func check(_ lines: [String], _ words: String) {
                #expect(lines.count == 2 && lines.last == "status 76" && lines[0].contains(words), "\(lines)")
            }
            try await ZooKeeperReadWriteLock(client, at: "/rw").withReadLock { lease in
                let lines = try await lines([], "/rw")
                check(lines, "use --read-write, or --shared")
                #expect(lines[0].contains(lease.nodePath.name))
            }
            try await ZooKeeperLock(client, at: "/mutex").withLock { _ in
                check(try await lines(["-x"], "/mutex"), "leave out --shared")
                check(try await lines(["--kazoo"], "/mutex"), "leave out --shared")
            }
            let kazoo = ZooKeeperLock(client, at: "/kazoo", configuration: .init(dialect: .kazoo))
            try await kazoo.withLock { _ in check(try await lines([], "/kazoo"), "use --kazoo") }
            try await ZooKeeperElection(client, at: "/election").withLeadership { _ in
                check(try await lines(["-n"], "/election"), "election")
            }
        }
    }

    // MARK: Words

    @Test func takenSaysByWhom() async throws {
        try await withChroot { connect, client in
            let lock = ZooKeeperLock(client, at: "/lock", configuration: .init(id: "the nightly job"))
            try await lock.withLock { lease in
                for options in [["-n"], ["-w", "0.2"]] {
                    let lines = try await Command.run(options, ["echo", "ran"], connect)
                    #expect(lines.count == 2 && lines.last == "status 75", "\(lines)")
                    for words in ["by the nightly job", "since 20", "1 is in front", lease.nodePath.name] {
                        #expect(lines[0].contains(words), "\(lines)")
                    }
                    try await check(Command.run(options + ["-q"], ["echo", "ran"], connect), ["status 75"])
                }
            }
        }
    }

    @Test(arguments: [["-w", "0.3"], ["-n", "--connect-timeout", "0.5"], ["--connect-timeout", "0.5"]])
    func withoutAServerItSaysSo(_ options: [String]) async throws {
        for (connect, words) in [
            ("127.0.0.1:1", "127.0.0.1:1 refuses connections"),
            ("no-such-host.invalid", "no-such-host.invalid cannot be resolved"),
        ] {
            let lines = try await Command.run(options, ["echo", "ran"], connect)
            #expect(lines.count == 2 && lines.last == "status 69" && lines[0].contains(words), "\(lines)")
        }
    }

    @Test(arguments: [
        ["--timeout", "-1", "/l", "c"], ["--no-fork", "/l", "c"], ["l", "c"], ["/l"], [],
        ["--connect", "host:port", "/l", "c"],
        ["--connect", "h/no/chroot/", "/l", "c"], ["--connect-timeout", "0", "/l", "c"],
        ["--auth-file", "/no/file", "/l", "c"],
    ])
    func badInputIsSaidToBe(_ line: [String]) async throws {
        let lines = try await Command.run(line)
        #expect(lines.last == "status 64" && lines.first?.hasPrefix("Error: ") == true, "\(lines)")
    }

    @Test func theOptionsAreListed() async throws {
        let help = try await Command.run(["--help"])
        #expect(help.last == "status 0")
        for option in [
            "--connect", "--auth-file", "--connect-timeout", "-n, --try", "-w, --timeout", "-s, --shared",
            "--read-write", "--kazoo",
            "-E, --conflict-exit-code", "-c, --command", "--grace", "--session-timeout", "--hold-at-least",
            "--once-per", "--id",
            "--revocable", "-q, --quiet", "-v, --verbose", "--version", "zklock ls",
        ] {
            #expect(help.contains { $0.contains(option) }, "\(option)")
        }
        try await check(Command.run(["--version"]), ["0.1.0", "status 0"])
        try await check(Command.run(["-V"]), ["0.1.0", "status 0"])
    }

    @Test func itTellsWhatItDoes() async throws {
        try await withChroot { connect, _ in
            let lines = try await Command.run(["-v"], ["echo", "ran"], connect)
            for words in ["getting the lock /lock", "took 0", "executing echo", "the lock is released"] {
                #expect(lines.contains { $0.contains(words) }, "\(words) in \(lines)")
            }
        }
    }

    @Test func aShorterSessionThanWantedIsSaid() async throws {
        try await withChroot { connect, _ in
            let script = #""$0" "$@" 2>&1 | sed 's/.*grant a session.*/shorter/'"#
            let line = ["--connect", connect, "--session-timeout", "600", "/lock", "echo", "ran"]
            try await check(Command.run(line, shell: script), ["shorter", "ran", "status 0"])
        }
    }

    // MARK: Credentials

    @Test func credentialsComeFromAFile() async throws {
        try await withChroot { connect, client in
            var access = AccessControl.all(for: [.digest(user: "cron", password: "secret")])
            access.entries.append(.init(.read, for: .anyone))
            try await client.create("/private", accessControl: access)
            let line = ["--connect", connect, "/private/lock"]
            let refused = try await Command.run(line + ["echo", "ran"])
            #expect(refused.last == "status 69" && refused.first?.contains("may not create it") == true, "\(refused)")
            try await withTemporaryFile(containing: "digest:cron:secret\n") { file in
                let ran = try await Command.run(["--auth-file", file] + line + Command.patient) { command in
                    let pid = try await command.pid(of: "command")
                    // Neither the arguments nor the environment of any process have it.
                    for pid in [pid, try command.supervisor(of: pid), command.zklock] {
                        let texts = (try readFile("/proc/\(pid)/cmdline"), try readFile("/proc/\(pid)/environ"))
                        #expect(!texts.0.contains("secret") && !texts.1.contains("secret"))
                    }
                    command.send(SIGTERM, to: pid)
                }
                #expect(ran.suffix(2) == ["told to end", "status 0"])
                let lines = try await Command.run(line + ["echo", "ran"], environment: ["ZKLOCK_AUTH_FILE": file])
                #expect(lines == ["ran", "status 0"])
                _ = try await Program(found: "chmod").output(["644", file])
                let open = try await Command.run(["--auth-file", file] + line + ["echo", "ran"])
                #expect(open.last == "status 64" && open.first?.contains("chmod 600") == true, "\(open)")
            }
        }
    }

    // MARK: Cron

    @Test func oncePer() async throws {
        try await withChroot { connect, _ in
            func run(_ command: String...) async throws -> [String] {
                try await Command.run(["--once-per", "1h"], command, connect)
            }
            try await check(run("false"), ["status 1"], "a run that fails does not count")
            try await check(run("echo", "ran"), ["ran", "status 0"])
            try await check(run("echo", "ran"), ["status 0"])
            try await check(Command.run(["--once-per", "1ms"], ["echo", "ran"], connect), ["ran", "status 0"])
        }
    }

    @Test func theLockIsKeptForAWhile() async throws {
        try await withChroot { connect, client in
            let lock = ZooKeeperLock(client, at: "/lock")
            let lines = try await Command.run(["--hold-at-least", "1h"], ["sh", "-c", "echo ran; exit 3"], connect) {
                command in
                _ = try await command.running.line(startingWith: "ran")
                let zklock = command.zklock
                try await eventually("the command and its supervisor have ended") {
                    Command.children(of: zklock).isEmpty
                }
                #expect(try await lock.participants().count == 1)
                // Told to end, it does not wait for the rest.
                command.send(SIGTERM, to: zklock)
            }
            #expect(lines == ["ran", "status 143"])
            #expect(try await lock.participants() == [])
            try await check(Command.run(["--hold-at-least", "0.01"], ["sh", "-c", "exit 3"], connect), ["status 3"])
        }
    }

    @Test func theNameIsShown() async throws {
        try await withChroot { connect, client in
            let lock = ZooKeeperLock(client, at: "/lock")
            try await Command.run(["--id", "invoices"], Command.patient, connect) { command in
                _ = try await command.pid(of: "command")
                #expect(try await lock.participants().map(\.id) == ["invoices"])
                command.send(SIGTERM, to: command.zklock)
            }
        }
    }

    // MARK: Revocation

    @Test func whoIsAskedMayGoOn() async throws {
        try await withChroot { connect, client in
            let lock = ZooKeeperLock(client, at: "/lock")
            let lines = try await Command.run([], Command.patient, connect) { command in
                let pid = try await command.pid(of: "command")
                try await lock.requestRevocation(of: try #require(try await lock.participants().first))
                _ = try await command.running.line(startingWith: "zklock: another client asks")
                #expect(Command.isAlive(pid))
                command.send(SIGTERM, to: command.zklock)
            }
            #expect(lines.last == "status 143")
        }
    }

    @Test func whoWantsToIsEnded() async throws {
        try await withChroot { connect, client in
            let lock = ZooKeeperLock(client, at: "/lock")
            let lines = try await Command.run(["--revocable"], Command.patient, connect) { command in
                _ = try await command.pid(of: "command")
                try await lock.requestRevocation(of: try #require(try await lock.participants().first))
            }
            #expect(lines.contains("told to end") && lines.last == "status 0", "its status: the lock was not lost")
        }
    }
}
