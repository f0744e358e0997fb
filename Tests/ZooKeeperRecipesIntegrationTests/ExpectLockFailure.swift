// SPDX-License-Identifier: Apache-2.0

import Testing
import ZooKeeperRecipes

/// Expects `body` to throw a ``LockError`` with this code.
func expectLockFailure(
    _ code: LockError.Code, sourceLocation: SourceLocation = #_sourceLocation,
    isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> some Any
) async {
    do {
        let value = try await body()
        Issue.record("expected \(code), got \(value)", sourceLocation: sourceLocation)
    } catch {
        #expect(code ~= error, "threw \(error)", sourceLocation: sourceLocation)
    }
}
