// SPDX-License-Identifier: Apache-2.0

import ProcessSignals
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

/// `zklock` on a terminal, in an interactive shell.
@Suite(
    .zooKeeperServer, .enabled(if: TerminalShell.whyNot == nil, TerminalShell.whyNot), .timeLimit(.minutes(3))
) struct TerminalTests {
    private func withShell(_ body: (TerminalShell, ZooKeeperLock) async throws -> Void) async throws {
        try await withChroot { connect, client in
            let lock = ZooKeeperLock(client, at: "/lock")
            try await TerminalShell.run(connect) { try await body($0, lock) }
        }
    }

    @Test func theCommandReadsFromTheTerminal() async throws {
        try await withShell { shell, _ in
            shell.type("\(shell.zklock) -q /lock -- sh -c 'echo name?; read name </dev/tty; echo hello $name'")
            try await shell.wait(for: "name?")
            shell.type("world")
            try await shell.wait(for: "hello world")
        }
    }

    /// As under flock: the shell sees a program that died by the key.
    @Test func theInterruptKeyEndsTheCommandAndALoopOfTheShell() async throws {
        try await withShell { shell, lock in
            shell.type(
                "for i in 1 2; do \(shell.zklock) -q /lock -- sh -c 'echo running $0; sleep 600' $i; done; echo after")
            try await shell.wait(for: "running 1")
            shell.press("c")
            shell.type("echo status $?")
            try await shell.wait(for: "status 130")
            #expect(!shell.screen.contains { $0.contains("running 2") || $0.contains("after") })
            try await eventually("released") { try await lock.participants().isEmpty }
        }
    }

    /// In a script zklock is not alone in its group, and the key reaches all of it.
    @Test func theInterruptKeyEndsALoopOfAScript() async throws {
        try await withShell { shell, _ in
            let script =
                "for i in 1 2; do \(shell.zklock) -q /lock -- sh -c 'echo running $0; sleep 600' $i; done; echo after"
            try await withTemporaryFile(containing: script) { file in
                shell.type("bash \(file)")
                try await shell.wait(for: "running 1")
                shell.press("c")
                shell.type("echo status $?")
                try await shell.wait(for: "status 130")
                #expect(!shell.screen.contains { $0.contains("running 2") || $0.contains("after") })
            }
        }
    }

    /// A key is the command's: one that goes on is not ended by zklock, in its own group or in a pipeline.
    @Test(arguments: ["", " | (trap '' INT; cat)"]) func aCommandMayTakeTheInterruptKey(_ pipeline: String) async throws
    {
        try await withShell { shell, _ in
            let command = "trap 'echo key >&2' INT; echo running >&2; read -u 3 line; read -u 3 line; echo $line >&2"
            shell.type("exec 3<&0")
            shell.type(
                "\(shell.zklock) -q --grace 0 /lock -- bash -c \"\(command.replacing("$", with: "\\$"))\"\(pipeline)")
            try await shell.wait(for: "running")
            shell.press("c")
            try await shell.wait(for: "key")
            shell.type("first")
            shell.type("second")
            try await shell.wait(for: "second")
            #expect(shell.screen.count { $0.contains("key") } == 1)
        }
    }

    @Test(arguments: ["", " | cat"]) func itStopsAndGoesOn(_ pipeline: String) async throws {
        try await withShell { shell, lock in
            shell.type("\(shell.zklock) -q /lock -- sh -c 'echo running; read line; echo read $line'\(pipeline)")
            try await shell.wait(for: "running")
            shell.press("z")
            try await shell.wait(for: "Stopped")
            shell.type("jobs; echo seen")
            try await shell.wait(for: "seen")
            #expect(shell.screen.count { $0.contains("Stopped") } == 2)
            shell.type("fg")
            shell.type("something")
            try await shell.wait(for: "read something")
            try await eventually("released") { try await lock.participants().isEmpty }
        }
    }

    /// In the background the command stops again when it reads; each stop counts once.
    @Test(arguments: ["", " | cat"]) func itStopsInTheBackgroundAndGoesOn(_ pipeline: String) async throws {
        try await withShell { shell, lock in
            shell.type("\(shell.zklock) -q /lock -- sh -c 'echo running; read line; echo read $line'\(pipeline)")
            try await shell.wait(for: "running")
            shell.press("z")
            try await shell.wait(for: "Stopped")
            shell.type("bg")
            try await shell.type("jobs", until: "Stopped")
            shell.type("fg")
            shell.type("something")
            try await shell.wait(for: "read something")
            try await eventually("released") { try await lock.participants().isEmpty }
        }
    }

    /// Stopped for longer than its session lives, zklock has lost the lock, and the command does not run any more.
    @Test(arguments: ["", " | cat"]) func stoppedForTooLongTheCommandDoesNotGoOn(_ pipeline: String) async throws {
        try await withShell { shell, lock in
            try await withTemporaryFile(containing: "") { file in
                shell.type("set -o pipefail")
                shell.type(
                    "\(shell.zklock) --session-timeout 2 /lock -- sh -c 'echo running $$; while :; do sleep 0.05; echo >>\(file); done'\(pipeline)"
                )
                try await shell.wait(for: "running")
                let line = shell.screen.first { $0.contains("running") }
                let command = try #require(line?.split(separator: " ").last.flatMap { Int32($0) })
                shell.press("z")
                try await shell.wait(for: "Stopped")
                let written = try readFile(file).count
                try await eventually("others get the lock") { try await lock.participants().isEmpty }
                try await eventually("the command has ended") { ProcessStatus(command)?.hasEnded ?? true }
                shell.type("fg; echo status $?")
                try await shell.wait(for: "was lost")
                try await shell.wait(for: "status 70")
                #expect(try readFile(file).count == written)
            }
        }
    }

    @Test func inTheBackgroundItStopsWhenTheCommandReads() async throws {
        try await withShell { shell, _ in
            shell.type("\(shell.zklock) -q /lock -- sh -c 'echo running; read line; echo read $line' &")
            try await shell.wait(for: "running")
            try await shell.type("jobs", until: "Stopped")
            shell.type("fg")
            shell.type("something")
            try await shell.wait(for: "read something")
        }
    }

    @Test func aJobThatIsKilledGetsTheSignalOnce() async throws {
        try await withShell { shell, lock in
            shell.type(
                "\(shell.zklock) -q /lock -- bash -c 'trap \"echo told\" TERM; echo running; while :; do sleep 0.05; done' &"
            )
            try await shell.wait(for: "running")
            shell.type("kill %1; wait %1; echo status $?")
            try await shell.wait(for: "told")
            // It is killed after the grace, and zklock says by what it was told to end.
            try await shell.wait(for: "status 143")
            #expect(shell.screen.count { $0 == "told" } == 1, "\(shell.screen)")
            try await eventually("released") { try await lock.participants().isEmpty }
        }
    }

    /// timeout(1) sends its signal to zklock, and then to the group.
    @Test func underTimeoutTheCommandGetsTheSignalOnce() async throws {
        try await withShell { shell, _ in
            shell.type(
                "timeout 1 \(shell.zklock) -q --grace 1 /lock -- bash -c 'trap \"echo told\" TERM; while :; do sleep 0.05; done'; echo status $?"
            )
            try await shell.wait(for: "status")
            #expect(shell.screen.count { $0 == "told" } == 1, "\(shell.screen)")
        }
    }

    /// Also if the process that sends the signal is gone at once.
    @Test(arguments: ["", " | (trap '' INT; cat)"], ["kill", "/bin/kill"])
    func whatTheCommandDoesToItsGroupIsItsOwn(_ pipeline: String, _ kill: String) async throws {
        try await withShell { shell, _ in
            shell.type(
                "\(shell.zklock) -q --grace 0 /lock -- bash -c 'trap \"echo key\" INT; \(kill) -INT 0; sleep 1; echo done; exit 5'\(pipeline); echo status ${PIPESTATUS[0]}"
            )
            try await shell.wait(for: "status 5")
            #expect(shell.screen.count { $0.contains("key") } == 1)
            #expect(shell.screen.contains { $0.contains("done") })
        }
    }

    @Test func theEndOfTheTerminalIsToldOnce() async throws {
        try await withShell { shell, lock in
            try await withTemporaryFile(containing: "") { file in
                shell.type(
                    "\(shell.zklock) -q /lock -- bash -c 'trap \"echo x >>\(file); exit 0\" HUP; echo running; while :; do sleep 0.05; done'"
                )
                try await shell.wait(for: "running")
                shell.hangUp()
                try await eventually("released") { try await lock.participants().isEmpty }
                #expect(try readFile(file) == "x\n")
            }
        }
    }

    /// A pager at the end of a pipeline keeps the terminal.
    @Test func whoeverElseIsInThePipelineKeepsTheTerminal() async throws {
        try await withShell { shell, _ in
            shell.type(
                "\(shell.zklock) -q /lock -- echo first | (read line; echo $line; read key </dev/tty; echo pressed $key)"
            )
            try await shell.wait(for: "first")
            shell.type("q")
            try await shell.wait(for: "pressed q")
        }
    }

    @Test func itLeavesTheQueueWhenItIsInterrupted() async throws {
        try await withShell { shell, lock in
            try await lock.withLock { _ in
                shell.type("\(shell.zklock) /lock -- echo ran; echo status $?")
                try await eventually("waits") { try await lock.participants().count == 2 }
                shell.press("c")
                shell.type("echo status $?")
                try await shell.wait(for: "status 130")
                #expect(try await lock.participants().count == 1)
            }
        }
    }
}
