// SPDX-License-Identifier: Apache-2.0

package import Logging
import Synchronization

/// Writes log lines of code that must not wait, such as the C client's callbacks and the timer: a log handler is the
/// user's code and may block.
package enum BackgroundLog {
    private struct Line: Sendable {
        let logger: Logger
        let level: Logger.Level
        let message: Logger.Message
        let metadata: Logger.Metadata
    }

    private struct State {
        var lines: [Line] = []
        var isWriting = false
    }

    private static let state = Mutex(State())
    /// More than that waiting, and new lines are dropped.
    private static let capacity = 1_000

    /// Writes a line soon, on another thread, after those given before it. Its parts are made only if it is written.
    package static func write(
        _ logger: Logger, _ level: Logger.Level, _ message: @autoclosure () -> Logger.Message,
        _ metadata: @autoclosure () -> Logger.Metadata
    ) {
        guard logger.logLevel <= level else { return }
        let line = Line(logger: logger, level: level, message: message(), metadata: metadata())
        let mustStart = state.withLock { state in
            guard state.lines.count < capacity else { return false }
            state.lines.append(line)
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if mustStart, !DetachedThread.start({ writeAll() }) { state.withLock { $0.isWriting = false } }
    }

    private static func writeAll() {
        while true {
            let lines = state.withLock { state in
                defer { state.lines = [] }
                state.isWriting = !state.lines.isEmpty
                return state.lines
            }
            if lines.isEmpty { return }
            for line in lines { line.logger.log(level: line.level, line.message, metadata: line.metadata) }
        }
    }
}
