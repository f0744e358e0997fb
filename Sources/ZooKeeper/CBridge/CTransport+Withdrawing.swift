// SPDX-License-Identifier: Apache-2.0

import CZooKeeper
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

// Giving up a handle, so that another one can go on with its session: without a goodbye in its name, and without leaving
// anything behind.

extension CTransport {
    /// Tells whether the handle hangs at an address. One whose servers refuse it goes round: most of the time it rests.
    func isStuck(_ handle: Handle) -> Bool {
        for _ in 0..<5 {
            // Valid: only this thread takes the handle out, or `close`, under the lock.
            guard let current = currentState(of: handle), Self.hanging.contains(current) else { return false }
            usleep(20_000)
        }
        return currentState(of: handle).map(Self.hanging.contains) ?? false
    }

    private static let connected = [ZOO_CONNECTED_STATE, ZOO_READONLY_STATE]
    private static let hanging = [ZOO_CONNECTING_STATE, ZOO_ASSOCIATING_STATE]

    /// The state of the handle; `nil` if it is not the present one any more.
    private func currentState(of handle: Handle) -> Int32? {
        state.withLock { state in
            guard case .open(let open) = state, open === handle else { return nil }
            return unsafe zoo_state(handle.pointer)
        }
    }

    /// Gives a handle up, so that another one can go on with its session.
    ///
    /// A handle that is closed while it is connected says goodbye: the session would end, and its locks would go to others
    /// while their bodies run. So it forgets the session first. If it connects from now on, it asks for a new one, whose
    /// goodbye harms nobody. Only a handshake that is under way may have asked for the old one: then it is closed when
    /// nothing can come of that any more, see ``getRid(of:)``. A connection that has no session by the field that it has
    /// forgotten it in has that of before: it was forgotten while the answer to the handshake was being taken in.
    ///
    /// - Returns: `false` if it has got a connection for its session meanwhile, and goes on; or if the transport is
    ///   being closed.
    func withdraw(_ handle: Handle) -> Bool {
        let mine: SessionID? = state.withLock { state in
            guard case .open(let open) = state, open === handle,
                unsafe !Self.connected.contains(zoo_state(handle.pointer))
            else { return nil }
            let id = unsafe SessionID(rawValue: czk_session(handle.pointer))
            withdrawn.withLock { $0.append(WithdrawnHandle(handle, of: id)) }
            // One that never had a session has none to lose.
            if id.rawValue != 0 { unsafe czk_forget_session(handle.pointer) }
            return id
        }
        guard let id = mine else { return false }
        // Longer than it takes from reading the id to the state that says that the handshake is out.
        usleep(20_000)
        // Under the lock: by now somebody may have closed it, with its session.
        let outcome: Withdrawal = state.withLock { state in
            guard case .open(let open) = state, open === handle else { return .isClosed }
            let goesOn = withdrawn.withLock { withdrawn in
                guard let index = withdrawn.firstIndex(where: { $0.handle === handle }) else { return false }
                // Its event may not have been heard yet.
                let present = unsafe SessionID(rawValue: czk_session(handle.pointer))
                let hasIt =
                    unsafe Self.connected.contains(zoo_state(handle.pointer))
                    && (present == id || present.rawValue == 0)
                if hasIt || withdrawn[index].isConnected {
                    if id.rawValue != 0 { unsafe czk_remember_session(handle.pointer, id.rawValue) }
                    return true
                }
                withdrawn[index].giveUp()
                return false
            }
            if goesOn { return .goesOn }
            state = .replacing(done: nil)
            return .isGivenUp
        }
        switch outcome {
        case .goesOn: goOn(with: handle)
        case .isGivenUp: handle.calls.giveUp()
        case .isClosed: withdrawn.withLock { $0.removeAll { $0.handle === handle } }
        }
        return outcome == .isGivenUp
    }

    /// The outcome of giving a handle up.
    private enum Withdrawal {
        /// It has got a connection for its session.
        case goesOn
        case isGivenUp
        /// The session is over.
        case isClosed
    }

    /// Passes on the news of a handle that has been kept back, and what comes meanwhile behind it.
    private func goOn(with handle: Handle) {
        while true {
            let news: [News] = withdrawn.withLock { withdrawn in
                guard let index = withdrawn.firstIndex(where: { $0.handle === handle }) else { return [] }
                let news = withdrawn[index].takeNews()
                if news.isEmpty { withdrawn.remove(at: index) }
                return news
            }
            if news.isEmpty { return }
            for news in news { pass(news) }
        }
    }

    /// Closes a handle that has been given up, as soon as its goodbye cannot be that of its old session: it is not
    /// connected and no handshake is under way, or it is connected with another session. If it gets the old one after
    /// all, the new handle takes that back from it: the same server closes the old connection then, and another one does
    /// when it is asked for a transaction, by the leader's word, which knows who has the session.
    func getRid(of handle: Handle) {
        if closeIfSafe(handle) { return }
        // Without a thread it leaks.
        _ = DetachedThread.start { [self] in
            var turns = 0
            while !closeIfSafe(handle) {
                usleep(50_000)
                turns += 1
                if turns % 20 == 0 { ask(handle) }
            }
        }
    }

    /// Asks for something that the leader refuses in any case: a node to be deleted that is there, of a version that it never
    /// has. Only what would be a transaction is checked for the owner of its session: a sync through a follower is not.
    private func ask(_ handle: Handle) {
        // C takes it only if there is a connection, and calls back before the handle is gone.
        _ = unsafe zoo_adelete(handle.pointer, "/zookeeper/quota", Int32.max, ignoredAnswer, nil)
    }

    private func closeIfSafe(_ handle: Handle) -> Bool {
        let current = unsafe zoo_state(handle.pointer)
        // A session that is over is said goodbye to, if anything.
        let isOver = state.withLock { if case .closed = $0 { true } else { false } }
        let isSafe =
            isOver
            || withdrawn.withLock { withdrawn in
                guard let index = withdrawn.firstIndex(where: { $0.handle === handle }) else { return false }
                switch current {
                case ZOO_ASSOCIATING_STATE: return false
                case ZOO_CONNECTED_STATE, ZOO_READONLY_STATE: return withdrawn[index].isConnectedElsewhere
                default: return true
                }
            }
        guard isSafe else { return false }
        destroy(handle)
        withdrawn.withLock { $0.removeAll { $0.handle === handle } }
        return true
    }
}
