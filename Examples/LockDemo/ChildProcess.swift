// SPDX-License-Identifier: Apache-2.0

import Subprocess
import SystemPackage

/// A child process, which is this program in another role. It is sent lines and answers with lines.
final class ChildProcess: Sendable {
    private let input: AsyncStream<String>.Continuation
    private let lines: AsyncStream<String>
    private let arguments: [String]

    init(_ arguments: [String]) {
        (lines, input) = AsyncStream.makeStream()
        self.arguments = arguments
    }

    /// Sends a line to the process.
    func send(_ line: String) { input.yield(line) }

    /// Ends the input of the process.
    func finish() { input.finish() }

    /// Runs the process to its end.
    ///
    /// - Parameters:
    ///   - started: Receives its process id.
    ///   - received: Receives every line that it writes.
    func run(
        started: @escaping @Sendable (Int32) async -> Void, received: @escaping @Sendable (String) async -> Void
    ) async throws {
        // A group of its own: the system ends a stopped process whose parent has ended without having waited for it.
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
                for try await line in execution.standardOutput.strings() { await received(line) }
                group.cancelAll()
            }
        }
    }
}
