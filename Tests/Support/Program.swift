import Subprocess
import SystemPackage
import ZooKeeper

/// A program of this package, run in a process of its own.
public struct Program: Sendable {
    /// For what needs several processes.
    public static let testWorker = Program("TestWorker")

    /// A program that runs: what it says line by line, and how to end it.
    public struct Running: Sendable {
        public let pid: Int32
        /// What it has printed so far.
        public let lines = Shared<[String]>([])

        /// Waits until it has printed a line with this start, and returns the line.
        public func line(startingWith start: String) async throws -> String {
            try await eventually("it says \"\(start)\"") { lines.value.contains { $0.hasPrefix(start) } }
            return lines.value.first { $0.hasPrefix(start) } ?? ""
        }
    }

    private static let directory = FilePath(CommandLine.arguments[0]).removingLastComponent()
    /// Where the compiler finds the modules of this package.
    public static let modules = directory.appending("Modules").string

    /// Where the program with this name is, beside the test bundle.
    public static func path(of name: String) -> String { directory.appending(name).string }

    private let executable: Executable

    /// The program with this name, beside the test bundle.
    public init(_ name: String) {
        executable = .path(Self.directory.appending(name))
    }

    /// The program with this name that the shell would find.
    public init(found name: String) {
        executable = .name(name)
    }

    /// The program at this path.
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
    /// - Returns: What it printed, and whether it succeeded.
    @discardableResult
    public func run(
        _ arguments: [String], environment: [String: String] = [:],
        _ body: @Sendable (Running) async throws -> some Sendable
    ) async throws -> (lines: [String], succeeded: Bool) {
        let result = try await Subprocess.run(
            executable, arguments: Arguments(arguments),
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
                _ = try await body(running)
                try await group.waitForAll()
            }
            return running.lines.value
        }
        return (result.closureResult, result.terminationStatus.isSuccess)
    }
}
