// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

// The messages between the processes: one line each, words with spaces between.

/// Writes a line to standard output at once, also into a pipe, where `print` would buffer it.
func printLine(_ line: String) {
    _ = try? FileDescriptor.standardOutput.writeAll("\(line)\n".utf8)
}

/// Returns the milliseconds on the boot-time clock, which all processes of a machine share.
func milliseconds() -> Int64 {
    let (seconds, attoseconds) = ContinuousClock().systemEpoch.duration(to: .now).components
    return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
}

/// A message of a worker, which is sent with its time.
enum WorkerMessage {
    case waiting
    /// The worker holds the lock; `zxid` is that of its first stamp in the history.
    case holding(token: String, zxid: Int64)
    /// The worker asks for this record to be written.
    case record(id: String, token: String)
    /// The worker still held the lock when it was done; `zxid` is that of its last stamp.
    case done(token: String, zxid: Int64)
    case lost(token: String, reason: String)
    case finished

    struct Stamped {
        var at: Int64
        var message: WorkerMessage
    }

    func send() {
        let words: [String] =
            switch self {
            case .waiting: ["waiting"]
            case .holding(let token, let zxid): ["holding", token, "\(zxid)"]
            case .record(let id, let token): ["record", id, token]
            case .done(let token, let zxid): ["done", token, "\(zxid)"]
            case .lost(let token, let reason): ["lost", token, reason]
            case .finished: ["finished"]
            }
        printLine("\(milliseconds()) " + words.joined(separator: " "))
    }

    static func parse(_ line: String) -> Stamped? {
        let words = line.split(separator: " ", maxSplits: 3).map(String.init)
        guard words.count >= 2, let at = Int64(words[0]) else { return nil }
        let message: WorkerMessage? =
            switch (words[1], words.count) {
            case ("waiting", 2): .waiting
            case ("holding", 4): Int64(words[3]).map { .holding(token: words[2], zxid: $0) }
            case ("record", 4): .record(id: words[2], token: words[3])
            case ("done", 4): Int64(words[3]).map { .done(token: words[2], zxid: $0) }
            case ("lost", 4): .lost(token: words[2], reason: words[3])
            case ("finished", 2): .finished
            default: nil
            }
        return message.map { Stamped(at: at, message: $0) }
    }
}

/// The lines of standard input, with which the demonstration lets a worker continue. At their end the process ends too,
/// since the demonstration has ended.
final class StandardInput: Sendable {
    private struct State {
        var lines: [String] = []
        var reader: CheckedContinuation<String, Never>?
    }

    private let state = Mutex(State())

    init() {
        // Reading blocks, so it has a queue of its own.
        DispatchQueue(label: "standard-input").async { [self] in
            while let line = readLine() { received(line) }
            exit(1)
        }
    }

    /// Waits for the next line, also when the task is cancelled.
    func next() async -> String {
        await withCheckedContinuation { continuation in
            let line: String? = state.withLock { state in
                if state.lines.isEmpty {
                    state.reader = continuation
                    return nil
                }
                return state.lines.removeFirst()
            }
            if let line { continuation.resume(returning: line) }
        }
    }

    private func received(_ line: String) {
        let reader = state.withLock { state in
            if state.reader == nil { state.lines.append(line) }
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: line)
    }
}

/// An answer of the store.
enum StoreAnswer: String {
    case accepted
    case refused
}
