// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The processes of sessions, as far as they are known: the nodes of a library that gives them no data are attributed by
/// their session.
final class SessionOwners: Sendable {
    private let processes = Mutex<[Int64: String]>([:])

    func note(_ session: Int64, of process: String) { processes.withLock { $0[session] = process } }

    /// Returns the process of a session; `nil` if it is not known.
    func process(of session: Int64) -> String? { processes.withLock { $0[session] } }
}
