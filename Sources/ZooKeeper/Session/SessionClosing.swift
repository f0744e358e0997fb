// SPDX-License-Identifier: Apache-2.0

/// Decides how a session ends that its owner closes: a value without clocks and I/O.
///
/// Closing never gives a lock away under a running body. First nothing new is held, and bodies are told to end; the
/// session goes on, with its connection and its heartbeats, until the last body has ended and its node is gone. Only
/// then it says goodbye to the servers, which remove all its nodes at once.
package struct SessionClosing: Sendable, Hashable {
    package enum Phase: Sendable, Hashable, Comparable {
        case open
        /// Bodies end; requests go on working.
        case retiring
        /// Waits for what is under way.
        case draining
        /// The transport is being closed.
        case closing
        case closed
    }

    package private(set) var phase = Phase.open
    /// Tells whether the owner wants the session to end as soon as nothing is held. A session may retire before that.
    private var isWanted = false
    /// The holds, by the numbers given out: the node, or the root where a body relies on nothing but the session.
    private var holds: [Int: ZNodePath] = [:]
    private var nextHold = 0

    package init() {}

    /// The nodes that are held, in order.
    package var held: [ZNodePath] { holds.values.sorted() }

    /// Counts in a holder that relies on the session until ``endHold(_:)``.
    ///
    /// - Parameter isContinued: `true` if it takes over from a holder that is still counted in.
    /// - Returns: Its number; `nil` if the session is being closed, so that nobody new may rely on it.
    package mutating func beginHold(at path: ZNodePath, isContinued: Bool = false) -> Int? {
        guard phase == .open || (isContinued && phase == .retiring) else { return nil }
        defer { nextHold += 1 }
        holds[nextHold] = path
        return nextHold
    }

    /// Its body has ended, and its node is gone or must be left to the servers.
    ///
    /// - Returns: `true` if the session begins to drain.
    package mutating func endHold(_ number: Int) -> Bool {
        holds[number] = nil
        return drainIfFree()
    }

    /// Nothing new is held from now on.
    ///
    /// - Returns: `true` the first time.
    package mutating func retire() -> Bool {
        guard phase == .open else { return false }
        phase = .retiring
        return true
    }

    /// The session is to end as soon as nothing is held.
    ///
    /// - Returns: `true` if it begins to drain.
    package mutating func close() -> Bool {
        isWanted = true
        return drainIfFree()
    }

    /// The transport is being closed: because all is drained, or because the session is over.
    package mutating func end() { phase = max(phase, .closing) }

    /// Nothing is left of it.
    package mutating func finish() { phase = .closed }

    private mutating func drainIfFree() -> Bool {
        guard isWanted, phase <= .retiring, holds.isEmpty else { return false }
        phase = .draining
        return true
    }
}
