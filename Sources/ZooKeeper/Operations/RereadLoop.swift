// SPDX-License-Identifier: Apache-2.0

/// The loop behind every stream of states: reads a state, waits for the watch that the read has set, and reads again.
///
/// A state that equals the last one is not delivered. A loop that is over sessions goes on after the loss of one; a
/// read that fails for want of a connection or of capacity is made again.
package struct RereadLoop<State: Sendable>: Sendable {
    /// Reads the state, and sets a watch that sees its first change. Gets the last state that was delivered.
    package typealias Read = @Sendable (_ last: State?) async throws(ZooKeeperError) -> (State, Watch)

    private let read: Read
    private let areEqual: @Sendable (State, State) -> Bool
    private let spansSessions: Bool
    private var watch: Watch?
    private var last: State?
    /// The number of reads in a row that the servers were too busy for.
    private var throttled = 0

    /// - Parameters:
    ///   - spansSessions: Tells whether the reads go to another session when one is lost.
    ///   - areEqual: Tells whether a state is the one that was delivered last.
    package init(
        spansSessions: Bool, areEqual: @escaping @Sendable (State, State) -> Bool, read: @escaping Read
    ) {
        self.spansSessions = spansSessions
        self.areEqual = areEqual
        self.read = read
    }

    /// Waits for the next state; `nil` when the client or session is closed, and when the task is cancelled.
    package mutating func next(isolation actor: isolated (any Actor)?) async throws(ZooKeeperError) -> State? {
        while true {
            do {
                // How the watch ends does not matter: the next read tells the truth.
                if let watch { _ = await watch.registration.result.wait(isolation: actor) }
                if Task.isCancelled { return nil }
                let (state, watch) = try await read(last)
                self.watch = watch
                throttled = 0
                if let last, areEqual(last, state) { continue }
                last = state
                return state
            } catch {
                switch error.code {
                // No connection for longer than one request may wait; a stream waits on.
                case .connectionLoss, .connectTimeout: watch = nil
                // Timed out by a limit for each call.
                case .throttled, .timedOut:
                    watch = nil
                    throttled += 1
                    await Backoff().pause(beforeAttempt: throttled, isolation: actor)
                case .sessionLost where spansSessions: watch = nil
                case .closed, .cancelled: return nil
                default: throw error
                }
            }
        }
    }
}

extension ZooKeeperOperations {
    /// Reads a node, or finds that it does not exist, and sets a watch that sees the first change of either.
    package func readWatched<Read: WatchableOperation>(
        _ read: Read, at path: ZNodePath, file: String = "", line: Int = 0
    ) async throws(ZooKeeperError) -> (Read.Output?, Watch) {
        while true {
            do {
                let read = try await send(read.watched, file: file, line: line)
                return (read.value, read.watch)
            } catch {
                guard error.code == .noNode else { throw error }
            }
            let existence = try await send(Exists(path).watched, file: file, line: line)
            // Created between the two reads: reads it again.
            if existence.value == nil { return (nil, existence.watch) }
        }
    }
}
