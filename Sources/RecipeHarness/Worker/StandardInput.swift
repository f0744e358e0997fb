// SPDX-License-Identifier: Apache-2.0

import Dispatch
import UnixSignals

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A command to a worker.
enum WorkerCommand: Sendable, Hashable {
    /// `expire PORT`: expire its own session on the server on that port.
    case expire(port: Int)
    /// `close`: close its client at once, while tasks use it, and open another one.
    case close
    /// `servers CONNECT`: the servers are at these addresses now.
    case servers(String)
    /// `stop`: end its tasks, and then the process.
    case stop
    /// The signal TERM: close its client at once, and then end the process.
    case terminate

    /// Parses a line; `nil` if it is not a command.
    init?(_ line: String) {
        let words = line.split(separator: " ")
        switch (words.first, words.count) {
        case ("expire", 2): if let port = Int(words[1]) { self = .expire(port: port) } else { return nil }
        case ("close", 1): self = .close
        case ("servers", 2): self = .servers(String(words[1]))
        case ("stop", 1): self = .stop
        default: return nil
        }
    }
}

/// The commands on standard input, and the signal TERM. The process ends at the end of the input, when the orchestrator
/// has ended.
struct StandardInput {
    let stream: AsyncStream<WorkerCommand>

    init() async {
        let (stream, continuation) = AsyncStream<WorkerCommand>.makeStream()
        self.stream = stream
        let signals = await UnixSignalsSequence(trapping: .sigterm)
        Task { for await _ in signals { continuation.yield(.terminate) } }
        // Reading blocks, so it has a queue of its own.
        DispatchQueue(label: "standard-input").async {
            while let line = readLine() {
                if let command = WorkerCommand(line) { continuation.yield(command) }
            }
            exit(3)
        }
    }
}
