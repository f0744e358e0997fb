// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// An interactive shell on a terminal of its own.
struct TerminalShell: Sendable {
    static let whyNot: Comment? =
        (try? readFile("/usr/bin/python3")) != nil ? nil : "the terminal of these tests is a program in Python"

    private static let program = FilePath(#filePath).removingLastComponent().removingLastComponent().appending(
        "Support/Terminal/terminal.py"
    ).string

    private let lines = Shared<[String]>([])
    private let commands: AsyncStream<String>.Continuation
    let zklock = Program.path(of: "zklock")

    /// Types a line.
    func type(_ text: String) { commands.yield("type \(text)") }

    /// Presses a key together with control.
    func press(_ key: Character) { commands.yield("key \(key)") }

    /// Hangs up.
    func hangUp() { commands.yield("close") }

    /// The lines that have appeared so far.
    var screen: [String] { lines.value }

    /// Waits for a line that contains `text`, and for as many of them as `count`.
    func wait(for text: String, count: Int = 1) async throws {
        do {
            try await eventually("\"\(text)\" appears") { lines.value.count { $0.contains(text) } >= count }
        } catch {
            Issue.record("on the terminal: \(lines.value)")
            throw error
        }
    }

    /// Types `command`, again and again, until it prints a line with `text`.
    func type(_ command: String, until text: String) async throws {
        let number = Shared(0)
        try await eventually("\(command) prints \"\(text)\"") {
            let count = number.withLock { number in
                number += 1
                return number
            }
            let before = screen.count
            type("\(command); echo tried $((\(count)))")
            try await wait(for: "tried \(count)")
            return screen.dropFirst(before).contains { $0.contains(text) }
        }
    }

    /// Runs `body` with a shell, whose environment names the server.
    static func run(_ connect: String, _ body: (TerminalShell) async throws -> Void) async throws {
        let (stream, commands) = AsyncStream<String>.makeStream()
        let shell = TerminalShell(commands: commands)
        let lines = shell.lines
        let program = Task {
            await Program(at: "/usr/bin/python3").converse(
                ["-B", Self.program], stream, started: { _ in },
                heard: { line in lines.withLock { $0.append(line) } }, ended: {})
        }
        defer { commands.finish() }
        shell.type("PS1= PS2=; export ZOOKEEPER_CONNECT='\(connect)'; echo ready")
        do {
            try await shell.wait(for: "ready")
            try await body(shell)
        } catch {
            commands.finish()
            await program.value
            throw error
        }
        commands.finish()
        await program.value
    }
}
