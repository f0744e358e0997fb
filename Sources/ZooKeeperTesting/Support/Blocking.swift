// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// Runs `body`, which may block, on a thread of its own.
func blocking<Success: Sendable, Failure: Error>(
    _ body: @escaping @Sendable () throws(Failure) -> Success
) async throws -> Success {
    try await withCheckedThrowingContinuation { continuation in
        let isStarted = DetachedThread.start {
            continuation.resume(with: Result(catching: body))
        }
        if !isStarted {
            continuation.resume(
                throwing: TestKitError("the system cannot start another thread; raise the limit on threads (ulimit -u)")
            )
        }
    }
}
