// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// Repeats a request for as long as the server throttles it.
func retryingWhileThrottled<Success>(_ request: () async throws -> Success) async throws -> Success {
    while true {
        do { return try await request() } catch {
            guard ZooKeeperError.Code.throttled ~= error else { throw error }
        }
    }
}

/// The error that a run is not possible, with the reason.
struct CannotRun: Error, CustomStringConvertible {
    var description: String
}

extension Promise<Void> {
    /// Waits for so long, and tells whether the promise is still open.
    func isOpen(for duration: Duration) async -> Bool {
        if case .timedOut = await wait(until: .now + duration) { return true }
        return false
    }
}
