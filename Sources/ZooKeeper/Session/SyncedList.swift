// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The two answers of a list behind a sync, which together say what the children are.
package final class SyncedList: Sendable {
    package typealias Observer = @Sendable (Result<ChildNames, ZooKeeperError>, _ connection: Int) -> Void

    private struct State {
        var sync: (outcome: PendingRequest.Answer, connection: Int)?
        var list: (outcome: PendingRequest.Answer, connection: Int)?
        /// Tells whether the sync was answered first. One that is sent again may be answered behind the list.
        var isInOrder = false
    }

    private let state = Mutex(State())
    private let observer: Observer

    package init(_ observer: @escaping Observer) { self.observer = observer }

    /// Takes the answer to the sync, which came over this connection.
    package func synced(_ outcome: PendingRequest.Answer, _ connection: Int) {
        report(
            state.withLock { state in
                state.sync = (outcome, connection)
                return state
            })
    }

    /// Takes the answer to the list.
    package func listed(_ outcome: PendingRequest.Answer, _ connection: Int) {
        report(
            state.withLock { state in
                state.list = (outcome, connection)
                state.isInOrder = state.sync != nil
                return state
            })
    }

    private func report(_ state: State) {
        guard let sync = state.sync, let list = state.list else { return }
        let result: Result<ChildNames, ZooKeeperError> = sync.outcome.flatMap { _ in
            list.outcome.flatMap { response in
                guard state.isInOrder, sync.connection == list.connection else {
                    return .failure(
                        ZooKeeperError(
                            .connectionLoss, message: "the connection was lost between the sync and the list"))
                }
                guard case .children(let names, _) = response.kind else { return .success([]) }
                return .success(names)
            }
        }
        observer(result, list.connection)
    }
}
