// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeperRecipes

/// Waits for a lock that another client holds: for 20 ms, and if on a busy machine that was not enough to see the
/// holder, for longer and longer.
///
/// - Parameter wait: Waits for up to the time it is given.
/// - Returns: The error it ends with.
func errorOfTimedOutWait(_ wait: (_ limit: Duration) async throws -> Void) async throws -> LockError {
    var limit = Duration.milliseconds(20)
    while true {
        let error = try await #require(throws: LockError.self) { try await wait(limit) }
        if error.holder != nil || error.code != .timedOut || limit > patience { return error }
        limit *= 4
    }
}
