// SPDX-License-Identifier: Apache-2.0

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

/// A run of `zklock`.
struct Command: Sendable {
    /// A command that prints its process id, and a line when it gets SIGTERM.
    static let patient = [
        "sh", "-c", "trap 'echo told to end; exit 0' TERM; echo command $$; while :; do sleep 0.05; done",
    ]
    /// A command that ignores SIGTERM.
    static let stubborn = ["sh", "-c", "trap '' TERM; echo command $$; while :; do sleep 0.05; done"]

    /// A grace that is over soon where it runs out, and where it does not one that a busy machine cannot use up.
    static func grace(_ isStubborn: Bool) -> [String] { ["--grace", isStubborn ? "0.3" : "60"] }

    /// A shell that says what zklock's process id is and how it ended, and waits for whatever else has its output.
    static let waitingShell = #"{ "$0" "$@" 2>&1 & echo "zklock $!"; wait $!; echo "ended with $?"; } | cat"#

    let running: Program.Running
    /// The process id of zklock, if the shell has become zklock.
    var zklock: Int32 { running.pid }

    /// The process id that a line tells: `NAME PID`.
    func pid(of name: String) async throws -> Int32 {
        let line = try await running.line(startingWith: name + " ")
        return try #require(line.split(separator: " ").last.flatMap { Int32($0) })
    }

    /// Waits until the process is gone.
    func waitForEnd(of pid: Int32) async throws {
        try await eventually("the process \(pid) has ended") { ProcessStatus(pid)?.hasEnded ?? true }
    }

    /// Sends a signal to a process of this test.
    func send(_ signal: Int32, to pid: Int32) { #expect(ProcessSignal.send(signal, to: pid)) }

    static func isAlive(_ pid: Int32) -> Bool { !(ProcessStatus(pid)?.hasEnded ?? true) }

    static func children(of pid: Int32) -> [Int32] { ProcessStatus.all.filter { $0.value.parent == pid }.map(\.key) }

    /// The live descendants of this process.
    static var descendants: [Int32] { Array(ProcessStatus.all.descendants(of: getpid()).keys) }

    /// Tells whether a process has the number 1 in a namespace of its own.
    static func isFirstOfContainer(_ pid: Int32) -> Bool {
        let status = (try? readFile("/proc/\(pid)/status")) ?? ""
        return status.split(separator: "\n").contains { $0.hasPrefix("NSpid:") && $0.hasSuffix("\t1") }
    }

    /// A variable of the environment.
    static func variable(_ name: String) -> String? {
        // Copied at once; nothing changes the environment.
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }

    /// The supervisor of a command.
    func supervisor(of command: Int32) throws -> Int32 { try #require(ProcessStatus(command)).parent }

    /// Runs `zklock` with these arguments, and `body` meanwhile.
    ///
    /// - Parameters:
    ///   - shell: What the shell runs, with zklock and its arguments as `"$0" "$@"`. Default: it becomes zklock.
    /// - Returns: The lines that it printed, standard error included, and the exit status as `status N`, as a shell counts;
    ///   without the warning about the session time-out, which servers with short ticks cause.
    @discardableResult
    static func run(
        _ arguments: [String], environment: [String: String] = [:], shell: String = #"exec "$0" "$@" 2>&1"#,
        _ body: @Sendable (Command) async throws -> Void = { _ in }
    ) async throws -> [String] {
        let (lines, status) = try await Program(found: "sh").status(
            ["-c", shell, Program.path(of: "zklock")] + arguments, environment: environment
        ) { try await body(Command(running: $0)) }
        return lines.filter { !$0.contains("grant a session time-out") } + [
            "status \(status < 0 ? 128 - status : status)"
        ]
    }

    /// Runs `zklock` with a command under the lock `/lock` of a chroot.
    @discardableResult
    static func run(
        _ options: [String], _ command: [String], _ connect: String,
        _ body: @Sendable (Command) async throws -> Void = { _ in }
    ) async throws -> [String] {
        try await run(["--connect", connect] + options + ["/lock", "--"] + command, body)
    }
}

/// Runs `body` with an empty chroot of the server, as a connect string and as a client.
func withChroot(_ body: (String, ZooKeeperClient) async throws -> Void) async throws {
    let server = try ZooKeeperServer.required
    try await server.withClient { client in
        try await body(server.connectString + client.configuration.chroot.string, client)
    }
}

/// Expects two values to be equal: what throws in an `#expect` that is alone in a closure does not compile.
func check<Value: Equatable>(
    _ value: Value, _ expected: Value, _ comment: Comment? = nil, at location: SourceLocation = #_sourceLocation
) {
    #expect(value == expected, comment, sourceLocation: location)
}
