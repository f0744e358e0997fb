// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization

/// Removes nodes that must not stay, however long that takes: as long as the session lives, nothing makes it give up.
///
/// Its requests go before everybody else's, are sent again after a lost connection, are tried again when the servers
/// refuse them, and are waited for when the session is closed. When the session ends, the servers remove its ephemeral
/// nodes.
package final class Janitor: Sendable {
    /// The end of a removal, or the latest news of it.
    package enum Removal: Sendable {
        /// The node is gone.
        case removed
        /// The session is over, the node is gone or will go with it.
        case sessionEnded
        /// The servers refuse to remove it, and will until rights change. It stays, and is tried again now and then.
        case refused(ZooKeeperError)
    }

    /// The meaning of the answer to a removal.
    package enum Verdict: Sendable, Hashable {
        case removed
        case sessionEnded
        /// The same may succeed a moment later.
        case tryAgain
        /// It will not succeed until rights change.
        case refused
    }

    /// A node of ours that the servers refuse to remove.
    package struct Leftover: Sendable {
        package var path: ZNodePath
        package var error: ZooKeeperError

        /// The error for a caller that wants what this node keeps.
        package var explanation: ZooKeeperError { Self.explain(error) }

        package static func explain(_ error: ZooKeeperError) -> ZooKeeperError {
            error.saying(
                """
                a node of this client is in the way, and the servers refuse to delete it; this client needs the permission \
                DELETE on the directory
                """)
        }
    }

    /// Hears of each node in its directory that turns out not to be removable.
    package protocol Observer: AnyObject, Sendable {
        var directory: ZNodePath { get }

        func found(_ leftover: Leftover)
    }

    private struct State {
        /// Nodes that creates whose answers were lost may have left: by directory, the guids in their names.
        var unresolvedCreates: [ZNodePath: Set<String>] = [:]
        /// The nodes that the servers refuse to remove, by directory.
        var leftovers: [ZNodePath: [Leftover]] = [:]
        /// Those who hear of leftovers.
        var observers: [ObjectIdentifier: any Observer] = [:]
    }

    private let state = Mutex(State())
    private let backoff = Backoff(initial: .milliseconds(50), maximum: .seconds(5))

    package init() {}

    /// Decides what the answer to a removal means.
    package static func verdict(_ result: Result<Void, ZooKeeperError>) -> Verdict {
        guard case .failure(let error) = result else { return .removed }
        switch (error.code, error.execution) {
        case (.noNode, _): return .removed
        case (.noAuth, _), (.unimplemented, _), (.invalidArgument, _): return .refused
        case (.sessionLost, _), (.closed, _), (.authenticationFailed, _), (.protocolViolation, _): return .sessionEnded
        default: return .tryAgain
        }
    }

    /// Removes an ephemeral node of `session`.
    ///
    /// - Parameter done: Called with the end of the removal, and before it with the first refusal, after which the removal
    ///   goes on being tried.
    package func remove(
        _ path: ZNodePath, in session: ZooKeeperSession, done: @escaping @Sendable (Removal) -> Void = { _ in }
    ) {
        attempt(path, in: session, done, 1)
    }

    private func attempt(
        _ path: ZNodePath, in session: ZooKeeperSession, _ done: @escaping @Sendable (Removal) -> Void, _ number: Int
    ) {
        _ = session.submit(
            Delete(path).makeRequest(), priority: .urgent, retry: .untilSessionEnds
        ) { [weak session] result in
            guard let session else { return }
            switch Self.verdict(result.map { _ in }) {
            case .removed:
                session.janitor.forget(path)
                done(.removed)
            case .sessionEnded: done(.sessionEnded)
            case .tryAgain: session.janitor.again(path, in: session, done, number)
            case .refused:
                guard case .failure(let error) = result else { return }
                session.janitor.keep(Leftover(path: path, error: error), session.logger)
                done(.refused(error))
                // Rights change seldom. A new credential is tried at once.
                session.janitor.again(path, in: session, done, number, slowly: true)
            }
        }
    }

    private func again(
        _ path: ZNodePath, in session: ZooKeeperSession, _ done: @escaping @Sendable (Removal) -> Void, _ number: Int,
        slowly: Bool = false
    ) {
        let delay =
            slowly ? min(max(session.timeout / 3, .seconds(1)), .seconds(60)) : backoff.delay(beforeAttempt: number)
        Deadlines.shared.schedule(at: .now + delay) { [weak session] in
            guard let session else { return }
            guard !session.isEnding else {
                done(.sessionEnded)
                return
            }
            session.janitor.attempt(path, in: session, done, number + 1)
        }
    }

    // MARK: What cannot be removed

    /// A node of ours in `directory` that the servers refuse to remove; `nil` if there is none.
    package func leftover(in directory: ZNodePath) -> Leftover? {
        state.withLock { $0.leftovers.isEmpty ? nil : $0.leftovers[directory]?.first }
    }

    /// Tells `observer` of each node in its directory that turns out not to be removable, until ``forget(_:)``.
    ///
    /// - Returns: Such a node that is known already.
    package func observe(_ observer: any Observer) -> Leftover? {
        state.withLock { state in
            state.observers[ObjectIdentifier(observer)] = observer
            return state.leftovers.isEmpty ? nil : state.leftovers[observer.directory]?.first
        }
    }

    package func forget(_ observer: any Observer) {
        state.withLock { $0.observers[ObjectIdentifier(observer)] = nil }
    }

    /// Forgets a node that does not exist any more.
    package func forget(_ path: ZNodePath) {
        state.withLock { state in
            guard !state.leftovers.isEmpty, let directory = path.parent else { return }
            state.leftovers[directory]?.removeAll { $0.path == path }
            if state.leftovers[directory]?.isEmpty == true { state.leftovers[directory] = nil }
        }
    }

    /// Tries at once what the servers have refused to remove: rights may have changed.
    package func removeLeftovers(in session: ZooKeeperSession) {
        let paths = state.withLock { $0.leftovers.values.flatMap { $0 }.map(\.path) }
        for path in paths {
            _ = session.submit(Delete(path).makeRequest(), priority: .urgent) { [weak self] result in
                if Self.verdict(result.map { _ in }) == .removed { self?.forget(path) }
            }
        }
    }

    private func keep(_ leftover: Leftover, _ logger: Logger) {
        guard let directory = leftover.path.parent else { return }
        let observers: [any Observer]? = state.withLock { state in
            let known = state.leftovers[directory] ?? []
            guard !known.contains(where: { $0.path == leftover.path }) else { return nil }
            state.leftovers[directory] = known + [leftover]
            return Array(state.observers.values)
        }
        guard let observers else { return }
        BackgroundLog.write(
            logger, .warning,
            """
            The servers refuse to delete a lock's node, which keeps the lock until they do or the session ends: this \
            client needs the permission DELETE on the directory
            """,
            [LogKeys.path: "\(leftover.path)", LogKeys.errorCode: "\(leftover.error.code)"])
        for observer in observers where observer.directory == directory { observer.found(leftover) }
    }

    // MARK: Unresolved creates

    /// Looks for a node in `directory` whose name contains `guid`, and removes it: at once, and because a request that
    /// was under way when the connection was lost may arrive late, again after a third of the session's time-out, after
    /// all of it, and whenever anybody lists the directory.
    package func resolveCreate(_ guid: String, in directory: ZNodePath, of session: ZooKeeperSession) {
        state.withLock { $0.unresolvedCreates[directory, default: []].formUnion([guid]) }
        look(for: nil, in: directory, of: session)
        let timeout = session.timeout
        for delay in [timeout / 3, timeout] {
            // After the last look nothing of it can come any more.
            let last: String? = delay == timeout ? guid : nil
            Deadlines.shared.schedule(at: .now + delay) { [weak session] in
                guard let session, !session.state.isFinal else { return }
                session.janitor.look(for: last, in: directory, of: session)
            }
        }
    }

    /// Removes the nodes of unresolved creates among `names`, the children of `directory`.
    package func sweep(_ names: ChildNames, in directory: ZNodePath, of session: ZooKeeperSession) {
        let guids = state.withLock { $0.unresolvedCreates.isEmpty ? [] : $0.unresolvedCreates[directory] ?? [] }
        if guids.isEmpty { return }
        for name in names {
            guard let guid = guids.first(where: { name.contains($0) }) else { continue }
            // Found: there is no second one with this GUID.
            forgetUnresolvedCreate(guid, in: directory)
            remove(directory.child(name), in: session)
        }
    }

    /// The number of unresolved creates.
    package var unresolvedCreateCount: Int {
        state.withLock { $0.unresolvedCreates.values.reduce(0) { $0 + $1.count } }
    }

    private func forgetUnresolvedCreate(_ guid: String, in directory: ZNodePath) {
        state.withLock { state in
            state.unresolvedCreates[directory]?.remove(guid)
            if state.unresolvedCreates[directory]?.isEmpty == true { state.unresolvedCreates[directory] = nil }
        }
    }

    /// - Parameter last: The GUID that is not looked for any more after this.
    private func look(for last: String?, in directory: ZNodePath, of session: ZooKeeperSession, attempt: Int = 1) {
        // The list must not be older than what another server has committed of our lost create.
        session.submitSyncedList(of: directory, priority: .urgent) { [weak session] result, _ in
            guard let session else { return }
            switch result {
            case .success(let names):
                session.janitor.sweep(names, in: directory, of: session)
                if let last { session.janitor.forgetUnresolvedCreate(last, in: directory) }
            case .failure(let error):
                switch error.code {
                case .throttled, .connectionLoss:
                    let delay = session.janitor.backoff.delay(beforeAttempt: attempt)
                    Deadlines.shared.schedule(at: .now + delay) { [weak session] in
                        guard let session, !session.state.isFinal else { return }
                        session.janitor.look(for: last, in: directory, of: session, attempt: attempt + 1)
                    }
                // No directory, or not to be listed by us: there is nothing to find.
                default: if let last { session.janitor.forgetUnresolvedCreate(last, in: directory) }
                }
            }
        }
    }
}
