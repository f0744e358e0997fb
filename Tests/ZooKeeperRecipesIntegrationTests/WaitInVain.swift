import TestSupport
import Testing
import ZooKeeperRecipes

/// Waits for a lock that somebody else has: for 20 ms, and if that was not enough to see who, which a busy machine decides,
/// for longer and longer.
///
/// - Parameter wait: Waits for up to the time it is given.
/// - Returns: The error it ends with.
func errorOfWaitInVain(_ wait: (_ limit: Duration) async throws -> Void) async throws -> LockError {
    var limit = Duration.milliseconds(20)
    while true {
        let error = try await #require(throws: LockError.self) { try await wait(limit) }
        if error.holder != nil || error.code != .timedOut || limit > patience { return error }
        limit *= 4
    }
}
