// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The error of a test that waited for a state which did not come.
public struct ConditionTimeout: Error, CustomStringConvertible {
    public let description: String
    /// The state that was waited for.
    public let what: String
}

private let environmentPatience = unsafe getenv("TEST_PATIENCE").flatMap {
    // Copied at once; nothing changes the environment.
    Int(unsafe String(cString: $0))
}

/// The time for which a test waits for a state.
public let patience = Duration.seconds(environmentPatience ?? 60)

/// Waits for a state, and fails if it has not come within `limit`.
///
/// The limit is for tests that are broken: it is far longer than anything should take, and nothing is measured by it.
/// Where tests are expected to fail, the environment variable TEST_PATIENCE makes it shorter, in seconds.
public func eventually(
    _ what: String, within limit: Duration = patience, isolation: isolated (any Actor)? = #isolation,
    _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    throw ConditionTimeout(description: "within \(limit): \(what)", what: what)
}
