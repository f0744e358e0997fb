// SPDX-License-Identifier: Apache-2.0

public import Testing
public import ZooKeeper

/// Expects `body` to throw a ``ZooKeeperError`` with this code, or an error that carries one; and, if given, with this
/// execution.
@discardableResult
public func expectFailure(
    _ code: ZooKeeperError.Code, execution: ZooKeeperError.Execution? = nil, _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation,
    isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> some Any
) async -> (any Error)? {
    do {
        let value = try await body()
        Issue.record("expected \(code), got \(value)", sourceLocation: sourceLocation)
        return nil
    } catch {
        #expect(code ~= error, comment ?? "threw \(error)", sourceLocation: sourceLocation)
        if let execution {
            #expect(
                (error as? ZooKeeperError)?.execution == execution, comment ?? "threw \(error)",
                sourceLocation: sourceLocation)
        }
        return error
    }
}
