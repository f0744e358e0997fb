// SPDX-License-Identifier: Apache-2.0

import CZooKeeper
import Logging
import Synchronization

/// The sink of the C client's log lines.
///
/// Its callback has no context. So there are several callbacks, one for each of the clients that are open at once; those
/// for which none is left share the last, whose lines go to the logger of the first of them. A warning is written at level
/// debug, everything else at level trace; at most ten lines a second for each: a server that is away makes the library write
/// a hundred.
enum CLogBridge {
    /// A callback that a client has.
    final class Slot: Sendable {
        fileprivate let number: Int

        fileprivate init(_ number: Int) { self.number = number }

        deinit { CLogBridge.release(number) }

        var callback: log_callback_fn { unsafe CLogBridge.callbacks[number] }
    }

    private struct Sink {
        var logger: Logger
        var users = 0
        var windowStart = Moment.now
        var linesInWindow = 0
        var suppressed = 0
    }

    private static let state = Mutex<[Int: Sink]>([:])
    private static let linesPerSecond = 10

    // A closure for C must not capture anything.
    private static let callbacks: [log_callback_fn] = unsafe [
        { unsafe CLogBridge.write(0, $0) }, { unsafe CLogBridge.write(1, $0) }, { unsafe CLogBridge.write(2, $0) },
        { unsafe CLogBridge.write(3, $0) }, { unsafe CLogBridge.write(4, $0) }, { unsafe CLogBridge.write(5, $0) },
        { unsafe CLogBridge.write(6, $0) }, { unsafe CLogBridge.write(7, $0) }, { unsafe CLogBridge.write(8, $0) },
        { unsafe CLogBridge.write(9, $0) }, { unsafe CLogBridge.write(10, $0) }, { unsafe CLogBridge.write(11, $0) },
    ]

    /// Takes a callback whose lines go to `logger`, for as long as the slot lives.
    static func take(for logger: Logger) -> Slot {
        state.withLock { sinks in
            let last = unsafe callbacks.count - 1
            let number = (0..<last).first { sinks[$0] == nil } ?? last
            sinks[number, default: Sink(logger: logger)].users += 1
            // For the whole process: the most that any of them wants. Never DEBUG: the library uses freed memory there
            // (ZOOKEEPER-4809).
            let level = sinks.values.map(\.logger.logLevel).min() ?? .info
            zoo_set_debug_level(
                level <= .trace ? ZOO_LOG_LEVEL_INFO : level <= .debug ? ZOO_LOG_LEVEL_WARN : ZOO_LOG_LEVEL_ERROR)
            return Slot(number)
        }
    }

    private static func release(_ number: Int) {
        state.withLock { sinks in
            sinks[number]?.users -= 1
            if sinks[number]?.users == 0 { sinks[number] = nil }
        }
    }

    private static func write(_ number: Int, _ message: UnsafePointer<CChar>?) {
        guard let message = unsafe message else { return }
        let line = unsafe String(cString: message)
        let level: Logger.Level = line.contains("ZOO_INFO") ? .trace : .debug
        let now = Moment.now
        let target: (Logger, suppressed: Int)? = state.withLock { sinks in
            guard var sink = sinks[number], sink.logger.logLevel <= level else { return nil }
            defer { sinks[number] = sink }
            if sink.windowStart + .seconds(1) <= now {
                sink.windowStart = now
                sink.linesInWindow = 0
            }
            sink.linesInWindow += 1
            guard sink.linesInWindow <= linesPerSecond else {
                sink.suppressed += 1
                return nil
            }
            defer { sink.suppressed = 0 }
            return (sink.logger, sink.suppressed)
        }
        guard let (logger, suppressed) = target else { return }
        var metadata: Logger.Metadata = [LogKeys.clientLine: "\(line)"]
        if suppressed > 0 { metadata[LogKeys.suppressedLines] = "\(suppressed)" }
        BackgroundLog.write(logger, level, "C client", metadata)
    }
}
