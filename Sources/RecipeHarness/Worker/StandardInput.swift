import Dispatch
import UnixSignals

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Something that a worker is told to do.
enum WorkerCommand: Sendable, Hashable {
    /// `expire PORT`: to end its own session, by the server there.
    case expire(port: Int)
    /// `close`: to end its client at once, while tasks use it, and to open another.
    case close
    /// `stop`: to end, its tasks first.
    case stop
    /// The signal TERM: to end its client at once, and then itself.
    case terminate

    /// Reads a line; `nil` if it is something else.
    init?(_ line: String) {
        let words = line.split(separator: " ")
        switch (words.first, words.count) {
        case ("expire", 2): if let port = Int(words[1]) { self = .expire(port: port) } else { return nil }
        case ("close", 1): self = .close
        case ("stop", 1): self = .stop
        default: return nil
        }
    }
}

/// The lines of standard input, and the signal TERM. When there is no more input the process ends too: nobody is left
/// to work for.
struct StandardInput {
    let stream: AsyncStream<WorkerCommand>

    init() async {
        let (stream, continuation) = AsyncStream<WorkerCommand>.makeStream()
        self.stream = stream
        let signals = await UnixSignalsSequence(trapping: .sigterm)
        Task { for await _ in signals { continuation.yield(.terminate) } }
        // Reading blocks, so it has a thread of its own.
        DispatchQueue(label: "standard-input").async {
            while let line = readLine() {
                if let order = WorkerCommand(line) { continuation.yield(order) }
            }
            exit(3)
        }
    }
}
