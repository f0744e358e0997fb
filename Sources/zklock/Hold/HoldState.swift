// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZooKeeper
import ZooKeeperRecipes

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The phase in which zklock is, by which it treats signals.
final class HoldState: Sendable {
    private enum Phase {
        case waiting
        /// The command runs.
        case running(LockLease)
        /// The command has ended, and the lock is kept for a while.
        case keeping
    }

    /// The thing to do about a signal.
    enum Reaction {
        case nothing
        /// Leave the queue.
        case leave
        /// Tell the supervisor.
        case forward
    }

    private struct State {
        var phase = Phase.waiting
        var told: Int32?
        /// The number of signals that were forwarded, and the last one by which zklock itself was told to end.
        var forwarded = 0
        var lastForwarded: Int32?
        var ahead: Int?
    }

    private let state = Mutex(State())
    /// Fulfilled when the lock is not to be kept any longer.
    let hurry = Promise<Void>()

    /// The signal by which zklock was told to end before the command ran, or after it had ended.
    var told: Int32? { state.withLock { $0.told } }

    /// The number of participants that were in front when that was last known.
    var ahead: Int? { state.withLock { $0.ahead } }

    func note(ahead: Int) { state.withLock { $0.ahead = ahead } }

    /// The lease, while the command runs.
    var lease: LockLease? {
        state.withLock { state in
            if case .running(let lease) = state.phase { lease } else { nil }
        }
    }

    /// Begins to run the command, by `start`: no signal comes in between.
    ///
    /// - Returns: `false` if zklock has been told to end.
    func begin(_ lease: LockLease, _ start: () -> Void) -> Bool {
        state.withLock { state in
            guard state.told == nil else { return false }
            start()
            state.phase = .running(lease)
            return true
        }
    }

    /// Takes note that the command has ended.
    func finish() { state.withLock { $0.phase = .keeping } }

    /// Takes note that a signal is forwarded that does not end processes.
    ///
    /// - Returns: `false` if there is no command.
    func forwards() -> Bool {
        state.withLock { state in
            guard case .running = state.phase else { return false }
            state.forwarded += 1
            return true
        }
    }

    /// The signal by which zklock was told to end while the command ended, if the supervisor has taken fewer signals than
    /// were forwarded to it: the last one came too late for it.
    func toldTooLate(taken: Int) -> Int32? {
        state.withLock { $0.forwarded > taken ? $0.lastForwarded : nil }
    }

    /// Decides about a signal by which processes are told to end.
    func end(by caught: CaughtSignal) -> Reaction {
        let signal = caught.number
        let reaction: Reaction = state.withLock { state in
            switch state.phase {
            case .running:
                state.forwarded += 1
                // A key of the terminal is for the command.
                if !caught.isFromKernel || signal == SIGHUP { state.lastForwarded = signal }
                return .forward
            case .waiting, .keeping:
                state.told = state.told ?? signal
                if case .waiting = state.phase { return .leave }
                return .nothing
            }
        }
        if case .nothing = reaction { hurry.fulfil(()) }
        return reaction
    }
}
