// SPDX-License-Identifier: Apache-2.0

import ProcessSignals
import Subprocess
import SystemPackage
import ZooKeeper

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A program of this package, run in a process of its own.
public struct Program: Sendable {
    /// The worker of tests that need several processes.
    public static let testWorker = Program("TestWorker")

    /// A program that runs: its output line by line, and its process id.
    public struct Running: Sendable {
        public let pid: Int32
        /// The lines that it has printed so far.
        public let lines = Shared<[String]>([])

        /// Waits until it has printed a line with this start, and returns the line.
        public func line(startingWith start: String) async throws -> String {
            try await eventually("it prints \"\(start)\"") { lines.value.contains { $0.hasPrefix(start) } }
            return lines.value.first { $0.hasPrefix(start) } ?? ""
        }
    }

    private static let directory = FilePath(CommandLine.arguments[0]).removingLastComponent()
    /// The folder in which the compiler finds the modules of this package.
    public static let modules = directory.appending("Modules").string

    /// The folder of swift-system's module of C, which the compiler needs for modules that use swift-system.
    public static let systemModule =
        directory.string + "/../../checkouts/swift-system/Sources/CSystem/include"

    /// Returns the path of the program with this name, beside the test bundle.
    public static func path(of name: String) -> String { directory.appending(name).string }

    /// A shell script that kills the program when the process that started it is gone, and becomes the program. As
    /// long as the program is the parent of the loop, its number is not another process's.
    private static let guarding = """
        starter=$PPID
        (
            hasParent() { read -r _ _ _ parent _ </proc/self/stat && [ "$parent" = $$ ]; }
            while hasParent && kill -0 "$starter"; do sleep 1; done
            hasParent && kill -KILL $$
        ) </dev/null >/dev/null 2>&1 &
        exec "$@"
        """

    private let executable: Executable
    /// The arguments before those of the program.
    private var prefix: [String] = []

    /// Takes the program with this name, beside the test bundle.
    public init(_ name: String) {
        executable = .path(Self.directory.appending(name))
    }

    /// Takes the program with this name, beside the test bundle, which may run until it is told to end, or be stopped:
    /// it ends soon after this process does, however this process ends.
    public init(guarded name: String) {
        self.init(guardedAt: Self.path(of: name))
    }

    /// Takes the program at this path, as ``init(guarded:)`` does.
    public init(guardedAt path: String) {
        executable = .path("/bin/sh")
        prefix = ["-c", Self.guarding, "sh", path]
    }

    /// Takes the program with this name that the shell would find.
    public init(found name: String) {
        executable = .name(name)
    }

    /// Takes the program at this path.
    public init(at path: String) {
        executable = .path(FilePath(path))
    }

    /// Runs it to its end and returns what it printed.
    public func output(_ arguments: [String]) async throws -> (lines: [String], succeeded: Bool) {
        try await run(arguments) { $0.lines }
    }

    /// Runs it while `body` runs, and then to its end.
    ///
    /// - Parameter environment: Variables it gets besides those of this process.
    /// - Returns: The lines that it printed, and its success.
    @discardableResult
    public func run(
        _ arguments: [String], environment: [String: String] = [:],
        _ body: @Sendable (Running) async throws -> some Sendable
    ) async throws -> (lines: [String], succeeded: Bool) {
        let (lines, status) = try await status(arguments, environment: environment, body)
        return (lines, status == 0)
    }

    /// Runs it while `body` runs, and then to its end; kills it if `body` throws.
    ///
    /// - Returns: The lines that it printed, and its exit status; for one that was killed, the negative number of the
    ///   signal.
    public func status(
        _ arguments: [String], environment: [String: String] = [:],
        _ body: @Sendable (Running) async throws -> some Sendable
    ) async throws -> (lines: [String], status: Int32) {
        let result = try await Subprocess.run(
            executable, arguments: Arguments(prefix + arguments),
            environment: .inherit.updating(
                Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0), $1) })),
            input: .none, output: .sequence,
            error: .currentStandardError
        ) { execution in
            let running = Running(pid: execution.processIdentifier.value)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for try await line in execution.standardOutput.strings() {
                        running.lines.withLock { $0.append(line) }
                    }
                }
                do { _ = try await body(running) } catch {
                    ProcessSignal.send(SIGKILL, to: running.pid)
                    throw error
                }
                try await group.waitForAll()
            }
            return running.lines.value
        }
        switch result.terminationStatus {
        case .exited(let code): return (result.closureResult, code)
        case .signaled(let signal): return (result.closureResult, -signal)
        }
    }

    /// Runs it until it ends, which it should when `lines` do.
    ///
    /// - Parameters:
    ///   - lines: The lines of its standard input.
    ///   - started: Gets its process id.
    ///   - heard: Gets every line that it prints.
    ///   - ended: Called at the end of its output, before its process id is free.
    public func converse(
        _ arguments: [String], _ lines: AsyncStream<String>,
        started: @escaping @Sendable (Int32) -> Void, heard: @escaping @Sendable (String) -> Void,
        ended: @escaping @Sendable () -> Void
    ) async {
        // A group of its own: the system ends a stopped process when its parent dies without having waited for it.
        var options = PlatformOptions()
        options.processGroupID = 0
        _ = try? await Subprocess.run(
            executable, arguments: Arguments(arguments), platformOptions: options,
            input: .inputWriter, output: .sequence, error: .currentStandardError
        ) { execution in
            started(execution.processIdentifier.value)
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await line in lines { _ = try? await execution.standardInputWriter.write(line + "\n") }
                    try? await execution.standardInputWriter.finish()
                }
                do {
                    for try await line in execution.standardOutput.strings() { heard(line) }
                } catch {}
                ended()
                group.cancelAll()
            }
        }
    }
}
