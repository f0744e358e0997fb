// SPDX-License-Identifier: Apache-2.0

extension ZooKeeperOperations {
    /// The same operations, with a limit of their own for the wait for each answer.
    ///
    /// ```swift
    /// let node = try await client.within(.milliseconds(200)).get("/flags")
    /// ```
    ///
    /// The limit is over everything: the wait for a connection, for the answer, and for a read that is sent again. Calls
    /// that send several requests have it for each. Past it they throw ``ZooKeeperError`` with code `timedOut`, whose
    /// ``ZooKeeperError/execution`` says whether the request may have been executed.
    public func within(_ limit: Duration) -> LimitedOperations<Self> { LimitedOperations(base: self, limit: limit) }
}

/// The operations of a client or a session, with a limit for each call: ``ZooKeeperOperations/within(_:)``.
public struct LimitedOperations<Base: ZooKeeperOperations>: ZooKeeperOperations {
    let base: Base
    let limit: Duration

    /// Tells whether operations go to another session when one is lost.
    public var spansSessions: Bool { base.spansSessions }

    /// The smaller of the two limits.
    private func least(_ other: Duration?) -> Duration { min(limit, other ?? limit) }

    /// Sends one operation and waits for its answer.
    public func result<Operation: ZooKeeperOperation>(
        of operation: Operation, within limit: Duration?, file: String, line: Int
    ) async -> Result<Operation.Output, ZooKeeperError> {
        await base.result(of: operation, within: least(limit), file: file, line: line)
    }

    /// Sends several operations back to back and waits for all answers.
    public func results<each Operation: ZooKeeperOperation>(
        of operations: repeat each Operation, within limit: Duration?, file: String, line: Int
    ) async -> (repeat Result<(each Operation).Output, ZooKeeperError>) {
        await base.results(of: repeat each operations, within: least(limit), file: file, line: line)
    }

    /// Sends several operations back to back and waits for all answers.
    public func results<Operation: ZooKeeperOperation>(
        of operations: [Operation], within limit: Duration?, file: String, line: Int
    ) async -> [Result<Operation.Output, ZooKeeperError>] {
        await base.results(of: operations, within: least(limit), file: file, line: line)
    }
}
