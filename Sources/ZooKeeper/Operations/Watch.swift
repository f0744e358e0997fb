// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// One change of a znode, as a watch saw it.
public struct WatchEvent: Sendable, Hashable {
    /// The kind of a change. New kinds may come with new versions.
    @nonexhaustive
    public enum Kind: Sendable, Hashable {
        /// The node was created.
        case created
        /// The node was deleted.
        case deleted
        /// The node's data was set.
        case dataChanged
        /// A child was created or deleted.
        case childrenChanged
    }

    /// The kind of the change.
    public var kind: Kind
    /// The node that changed.
    public var path: ZNodePath
    /// The number of the session's connection that brought the event, counted from 1.
    package var connection: Int

    package init(kind: Kind, path: ZNodePath, connection: Int) {
        self.kind = kind
        self.path = path
        self.connection = connection
    }
}

/// The next change of a node, seen once.
///
/// Set by a read with ``WatchableOperation/watched``. The watch sees the first change after that read, however long it
/// takes and however often the connection is lost meanwhile; changes made while disconnected are seen after the
/// reconnect. (The one exception is ZooKeeper's own: a node that is created and deleted again while the client is
/// disconnected goes unseen.) It ends with its session.
///
/// A watch that nobody holds any more is taken off the server.
public final class Watch: Sendable {
    package typealias EventResult = Result<WatchEvent, ZooKeeperError>

    package let registration: WatchRegistration
    /// The root of the view over which it was set; `nil`: the client's.
    private let root = Mutex<ZNodePath?>(nil)

    package init() { self.registration = WatchRegistration() }

    /// Sets it over a view, perhaps of a view.
    package func place(below root: ZNodePath) {
        self.root.withLock { $0 = $0?.below(root) ?? root }
    }

    /// A watch that calls back instead of being awaited. `callback` runs on the thread that brings the news.
    package init(_ callback: @escaping @Sendable (EventResult) -> Void) {
        self.registration = WatchRegistration()
        registration.result.whenFulfilled(callback)
    }

    deinit { cancel() }

    /// Takes the watch off the server, as it is when it is no longer held. Harmless if it has fired.
    package func cancel() { registration.abandon() }

    /// Waits for the change. Any number of tasks may wait, any number of times; all get the same answer.
    ///
    /// - Throws: ``ZooKeeperError`` with code `sessionLost` or `closed` when the session ends first, `cancelled` when
    ///   the waiting task is cancelled (the watch stays).
    public func event(file: String = #fileID, line: Int = #line) async throws -> WatchEvent {
        switch await registration.result.wait() {
        case .value(.success(var event)):
            if let root = root.withLock({ $0 }) { event.path = event.path.relative(to: root) }
            return event
        case .value(.failure(let error)): throw error.at(file: file, line: line)
        case .cancelled, .timedOut:
            throw ZooKeeperError(.cancelled, operation: "watch").at(file: file, line: line)
        }
    }
}

/// The part of a watch that the session knows, so that the part that users hold can go away.
package final class WatchRegistration: Sendable {
    private enum Holding {
        case held
        /// Set when it is registered. It is given this object and must not hold it: neither would ever go.
        case registered(whenAbandoned: @Sendable (WatchRegistration) -> Void)
        case abandoned
    }

    package let result = Promise<Watch.EventResult>()
    private let holding = Mutex(Holding.held)

    package init() {}

    /// Says whom to tell that nobody holds the watch any more.
    package func registered(whenAbandoned action: @escaping @Sendable (WatchRegistration) -> Void) {
        let isAbandoned = holding.withLock { holding in
            if case .abandoned = holding { return true }
            holding = .registered(whenAbandoned: action)
            return false
        }
        if isAbandoned { action(self) }
    }

    fileprivate func abandon() {
        guard result.current == nil else { return }
        let old = holding.withLock { holding in
            defer { holding = .abandoned }
            return holding
        }
        if case .registered(let action) = old { action(self) }
    }
}

extension WatchRegistration: Hashable {
    package static func == (left: WatchRegistration, right: WatchRegistration) -> Bool { left === right }

    package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
