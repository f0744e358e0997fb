/// A state that a test waited for did not come.
public struct NeverCame: Error, CustomStringConvertible {
    public let description: String
}

/// Waits for a state, and fails if it has not come within `limit`.
///
/// The limit is for tests that are broken: it is far longer than anything should take, and nothing is measured by it.
public func eventually(
    _ what: String, within limit: Duration = .seconds(60), isolation: isolated (any Actor)? = #isolation,
    _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    throw NeverCame(description: "within \(limit): \(what)")
}
