import CZooKeeper
import Logging
import Synchronization

/// The sink of the C client's log lines.
///
/// Its callback has no context, so there is one bridge for the whole process, with the logger of the first client.
/// Lines go to level debug or below, and at most ten a second: a server that is away makes the library write a hundred.
enum CLogBridge {
    private struct State {
        var logger: Logger?
        var windowStart = ContinuousClock.now
        var linesInWindow = 0
        var suppressed = 0
    }

    private static let state = Mutex(State())
    private static let linesPerSecond = 10

    /// Sends the library's lines to `logger`, unless another logger was installed before.
    static func install(_ logger: Logger) {
        state.withLock { state in
            guard state.logger == nil else { return }
            state.logger = logger
            // Never DEBUG: the library uses freed memory there (ZOOKEEPER-4809).
            zoo_set_debug_level(logger.logLevel <= .debug ? ZOO_LOG_LEVEL_INFO : ZOO_LOG_LEVEL_ERROR)
        }
    }

    static let callback: log_callback_fn = { message in
        guard let message = unsafe message else { return }
        let line = unsafe String(cString: message)
        let now = ContinuousClock.now
        let target: (Logger, suppressed: Int)? = state.withLock { state in
            guard let logger = state.logger, logger.logLevel <= .debug else { return nil }
            if state.windowStart.duration(to: now) >= .seconds(1) {
                state.windowStart = now
                state.linesInWindow = 0
            }
            state.linesInWindow += 1
            guard state.linesInWindow <= linesPerSecond else {
                state.suppressed += 1
                return nil
            }
            defer { state.suppressed = 0 }
            return (logger, state.suppressed)
        }
        guard let (logger, suppressed) = target else { return }
        var metadata: Logger.Metadata = [LogKeys.clientLine: "\(line)"]
        if suppressed > 0 { metadata[LogKeys.suppressedLines] = "\(suppressed)" }
        BackgroundLog.write(logger, .debug, "C client", metadata)
    }
}
