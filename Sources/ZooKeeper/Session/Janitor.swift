import Synchronization

/// Removes nodes that must not stay, however long that takes: as long as the session lives, nothing makes it give up.
///
/// What it sends goes before everybody else's requests, is sent again after a lost connection, and is waited for when
/// the session is closed. When the session ends, the servers remove its ephemeral nodes.
package final class Janitor: Sendable {
    /// How a removal ended.
    package enum Outcome: Sendable {
        /// The node is gone.
        case removed
        /// The session is over, the node is gone or will go with it.
        case sessionEnded
        /// The servers refuse to remove it.
        case refused(ZooKeeperError)
    }

    /// What a create whose answer was lost may have left: in which directory, with which mark in its name.
    private let strays = Mutex<[ZNodePath: Set<String>]>([:])

    package init() {}

    /// Removes an ephemeral node of `session`.
    @discardableResult
    package func remove(_ path: ZNodePath, in session: ZooKeeperSession) -> Promise<Outcome> {
        let outcome = Promise<Outcome>()
        _ = session.submit(
            Delete(path).makeRequest(), priority: .urgent, retry: .untilSessionEnds
        ) { result in
            switch result {
            case .success: outcome.fulfil(.removed)
            case .failure(let error):
                switch (error.code, error.outcome) {
                case (.noNode, _): outcome.fulfil(.removed)
                case (_, .refused): outcome.fulfil(.refused(error))
                default: outcome.fulfil(.sessionEnded)
                }
            }
        }
        return outcome
    }

    /// Looks for a node in `directory` whose name contains `mark`, and removes it: at once, and because a request that
    /// was under way when the connection was lost may arrive late, again after a third of the session's time-out, after
    /// all of it, and whenever anybody lists the directory.
    package func chase(_ mark: String, in directory: ZNodePath, of session: ZooKeeperSession) {
        strays.withLock { $0[directory, default: []].formUnion([mark]) }
        look(in: directory, of: session)
        for delay in [session.timeout / 3, session.timeout] {
            Deadlines.shared.schedule(at: .now + delay) { [weak session] in
                guard let session, !session.state.isFinal else { return }
                session.janitor.look(in: directory, of: session)
            }
        }
    }

    /// Removes what is chased among `names`, the children of `directory`.
    package func sweep(_ names: [String], in directory: ZNodePath, of session: ZooKeeperSession) {
        let marks = strays.withLock { $0[directory] ?? [] }
        if marks.isEmpty { return }
        for name in names {
            guard let mark = marks.first(where: { name.contains($0) }) else { continue }
            // Found: there is no second one with this mark.
            strays.withLock { _ = $0[directory]?.remove(mark) }
            remove(directory.child(name), in: session)
        }
    }

    private func look(in directory: ZNodePath, of session: ZooKeeperSession) {
        // The list must not be older than what another server has committed of our lost create.
        _ = session.submitFlight(
            [Sync(directory).makeRequest(), GetChildren(directory).makeRequest()],
            priority: .urgent,
            retry: .untilSessionEnds,
            observers: [
                { _ in },
                { [weak session] outcome in
                    guard let session, case .success(let response) = outcome,
                        case .children(let names, _) = response.kind
                    else { return }
                    session.janitor.sweep(names, in: directory, of: session)
                },
            ])
    }
}
