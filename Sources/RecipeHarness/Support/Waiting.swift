import ZooKeeper

/// Makes a request again for as long as a server has too much to do to take it.
func untilTaken<Success>(_ request: () async throws -> Success) async throws -> Success {
    while true {
        do { return try await request() } catch {
            guard ZooKeeperError.Code.throttled ~= error else { throw error }
        }
    }
}

/// The reason why a run is not possible, for people.
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
