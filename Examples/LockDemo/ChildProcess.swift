import Subprocess
import SystemPackage

/// A process of the demonstration, which is this program in another role: lines in, lines out.
final class ChildProcess: Sendable {
    private let input: AsyncStream<String>.Continuation
    private let lines: AsyncStream<String>
    private let arguments: [String]

    init(_ arguments: [String]) {
        (lines, input) = AsyncStream.makeStream()
        self.arguments = arguments
    }

    func send(_ line: String) { input.yield(line) }

    /// No more lines will come: the process sees the end of its input.
    func finish() { input.finish() }

    /// Runs the process to its end.
    ///
    /// - Parameters:
    ///   - started: Gets its process id.
    ///   - heard: Gets every line it says.
    func run(
        started: @escaping @Sendable (Int32) async -> Void, heard: @escaping @Sendable (String) async -> Void
    ) async throws {
        // A group of its own: the system ends a stopped process when its parent dies without having waited for it.
        var options = PlatformOptions()
        options.processGroupID = 0
        _ = try await Subprocess.run(
            .path(FilePath(CommandLine.arguments[0])), arguments: Arguments(arguments), platformOptions: options,
            input: .inputWriter, output: .sequence, error: .currentStandardError
        ) { execution in
            await started(execution.processIdentifier.value)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await line in self.lines { _ = try await execution.standardInputWriter.write(line + "\n") }
                    try await execution.standardInputWriter.finish()
                }
                for try await line in execution.standardOutput.strings() { await heard(line) }
                group.cancelAll()
            }
        }
    }
}
