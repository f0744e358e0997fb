// SPDX-License-Identifier: Apache-2.0

/// The operations of ZooKeeper: the same for a ``ZooKeeperClient``, which uses the session that there is, and for a
/// ``ZooKeeperSession``.
///
/// Every call returns, whatever happens to the connection, the session or the server:
/// * Without a connection a call waits, up to the request time-out of the configuration, then throws `connectionLoss`.
/// * A *read* whose answer is lost with the connection is sent again within the same time.
/// * A *write* whose answer is lost is never sent again: it throws with ``ZooKeeperError/execution`` `unknown`.
/// * Cancelling the task ends the wait at once with the code `cancelled`; it does not take back what was sent, and
///   disturbs no other call.
public protocol ZooKeeperOperations: Sendable {
    /// Tells whether operations go to another session when one is lost: `true` for a client, `false` for a session.
    var spansSessions: Bool { get }

    /// Sends one operation and waits for its answer: what ``perform(_:file:line:)`` throws or returns.
    ///
    /// - Parameters:
    ///   - operation: The operation, as a value.
    ///   - limit: The limit of the wait; `nil`: that of the configuration.
    ///   - file: The caller's file, which an error names.
    ///   - line: The caller's line, which an error names.
    func result<Operation: ZooKeeperOperation>(
        of operation: Operation, within limit: Duration?, file: String, line: Int
    ) async -> Result<Operation.Output, ZooKeeperError>

    /// Sends several operations back to back and waits for all answers: what
    /// ``ZooKeeperOperations/pipeline(_:file:line:)-(Operation,_,_)`` returns.
    func results<each Operation: ZooKeeperOperation>(
        of operations: repeat each Operation, within limit: Duration?, file: String, line: Int
    ) async -> (repeat Result<(each Operation).Output, ZooKeeperError>)

    /// As ``ZooKeeperOperations/results(of:within:file:line:)-(Operation,_,_,_)``, for a number of operations only known
    /// when the program runs.
    func results<Operation: ZooKeeperOperation>(
        of operations: [Operation], within limit: Duration?, file: String, line: Int
    ) async -> [Result<Operation.Output, ZooKeeperError>]
}

extension ZooKeeperOperations {
    /// Sends one operation and waits for its answer.
    ///
    /// - Throws: ``ZooKeeperError``: what the operation may throw, and what any call may throw: `connectTimeout`,
    ///   `connectionLoss`, `sessionLost`, `authenticationFailed`, `chrootNotFound`, `throttled`, `quotaExceeded`,
    ///   `refused`,
    ///   `requestTooLarge`, `invalidArgument`, `protocolViolation`, `cancelled`, `closed`, `notRunning`.
    public func perform<Operation: ZooKeeperOperation>(
        _ operation: Operation, file: String = #fileID, line: Int = #line
    ) async throws -> Operation.Output {
        try await result(of: operation, within: nil, file: file, line: line).get()
    }

    /// As ``perform(_:file:line:)``, with a typed throw: for use inside this package. What users call throws untyped,
    /// because Swift 6.3 does not compile every `catch` around a typed throw.
    package func send<Operation: ZooKeeperOperation>(
        _ operation: Operation, file: String = "", line: Int = 0
    ) async throws(ZooKeeperError) -> Operation.Output {
        try await result(of: operation, within: nil, file: file, line: line).get()
    }

    // MARK: Reads

    /// The data and stat of a node.
    ///
    /// - Throws: ``ZooKeeperError``: `noNode`, `noAuth`, and what any call may throw.
    public func get(
        _ path: ZNodePath, file: String = #fileID, line: Int = #line
    ) async throws -> ZNode {
        try await perform(GetData(path), file: file, line: line)
    }

    /// The stat of a node, or `nil` if there is no such node.
    ///
    /// Servers of version 3.8.0 tell it to everyone, those of version 3.9.3 to clients that may read the node.
    ///
    /// - Throws: ``ZooKeeperError``: `noAuth`, and what any call may throw.
    public func exists(
        _ path: ZNodePath, file: String = #fileID, line: Int = #line
    ) async throws -> ZNodeStat? {
        try await perform(Exists(path), file: file, line: line)
    }

    /// The names of a node's children, in no particular order, and the node's own stat.
    ///
    /// - Throws: ``ZooKeeperError``: `noNode`, `noAuth`, and what any call may throw.
    public func children(
        of path: ZNodePath, file: String = #fileID, line: Int = #line
    ) async throws -> GetChildren.Output {
        try await perform(GetChildren(path), file: file, line: line)
    }

    /// As ``get(_:file:line:)``, and a watch that sees the node's data being set or the node being deleted.
    ///
    /// - Throws: ``ZooKeeperError``: `noNode`, `noAuth`, `watchBudgetExceeded`, and what any call may throw.
    public func getWatched(
        _ path: ZNodePath, file: String = #fileID, line: Int = #line
    ) async throws -> Watched<ZNode> {
        try await perform(GetData(path).watched, file: file, line: line)
    }

    /// As ``exists(_:file:line:)``, and a watch that sees the node being created, set or deleted.
    ///
    /// - Throws: ``ZooKeeperError``: `noAuth`, `watchBudgetExceeded`, and what any call may throw.
    public func existsWatched(
        _ path: ZNodePath, file: String = #fileID, line: Int = #line
    ) async throws -> Watched<ZNodeStat?> {
        try await perform(Exists(path).watched, file: file, line: line)
    }

    /// As ``children(of:file:line:)``, and a watch that sees a child being created or deleted or the node being
    /// deleted.
    ///
    /// - Throws: ``ZooKeeperError``: `noNode`, `noAuth`, `watchBudgetExceeded`, and what any call may throw.
    public func childrenWatched(
        of path: ZNodePath, file: String = #fileID, line: Int = #line
    ) async throws -> Watched<GetChildren.Output> {
        try await perform(GetChildren(path).watched, file: file, line: line)
    }

    /// Reads a node's access control.
    ///
    /// - Throws: ``ZooKeeperError``: `noNode`, `noAuth`, and what any call may throw.
    public func accessControl(
        of path: ZNodePath, file: String = #fileID, line: Int = #line
    ) async throws -> GetAccessControl.Output {
        try await perform(GetAccessControl(path), file: file, line: line)
    }

    /// Waits until the server has caught up with its leader. A read after it sees every write that was acknowledged to
    /// anybody before it was called.
    ///
    /// - Throws: ``ZooKeeperError``: what any call may throw.
    public func sync(
        _ path: ZNodePath = .root, file: String = #fileID, line: Int = #line
    ) async throws {
        try await perform(Sync(path), file: file, line: line)
    }

    // MARK: Writes

    /// Creates a node.
    ///
    /// - Parameters:
    ///   - path: For a sequential node, the server adds ten digits to it.
    ///   - data: The node's first data.
    ///   - mode: The lifetime of the node, and its name: with or without digits that the server adds.
    ///   - accessControl: The access control list of the node.
    ///   - file: The caller's file, which an error names.
    ///   - line: The caller's line, which an error names.
    /// - Returns: The path and stat of the node.
    /// - Throws: ``ZooKeeperError``: `nodeExists`, `noNode` (no parent), `noChildrenForEphemerals`, `noAuth`,
    ///   `invalidACL`, `unimplemented`, `requestTooLarge`, `invalidArgument` (time to live), and what any call may
    ///   throw.
    @discardableResult
    public func create(
        _ path: ZNodePath,
        data: some Sequence<UInt8> = [],
        mode: CreateMode = .persistent,
        accessControl: AccessControl = .open,
        file: String = #fileID,
        line: Int = #line
    ) async throws -> CreatedZNode {
        try await perform(
            Create(path, data: data, mode: mode, accessControl: accessControl), file: file, line: line)
    }

    /// Replaces a node's data.
    ///
    /// - Parameters:
    ///   - path: The path of the node.
    ///   - data: The node's new data.
    ///   - version: Only if the node's data has this version; `nil`: whatever it has.
    ///   - file: The caller's file, which an error names.
    ///   - line: The caller's line, which an error names.
    /// - Returns: The node's new stat.
    /// - Throws: ``ZooKeeperError``: `noNode`, `badVersion`, `noAuth`, `requestTooLarge`, and what any call may throw.
    @discardableResult
    public func set(
        _ path: ZNodePath, to data: some Sequence<UInt8>, ifVersion version: Int32? = nil,
        file: String = #fileID, line: Int = #line
    ) async throws -> ZNodeStat {
        try await perform(SetData(path, to: data, ifVersion: version), file: file, line: line)
    }

    /// Deletes a node that has no children.
    ///
    /// - Parameters:
    ///   - path: The path of the node.
    ///   - version: Only if the node's data has this version; `nil`: whatever it has.
    ///   - file: The caller's file, which an error names.
    ///   - line: The caller's line, which an error names.
    /// - Throws: ``ZooKeeperError``: `noNode`, `notEmpty`, `badVersion`, `noAuth`, and what any call may throw.
    public func delete(
        _ path: ZNodePath, ifVersion version: Int32? = nil, file: String = #fileID, line: Int = #line
    ) async throws {
        try await perform(Delete(path, ifVersion: version), file: file, line: line)
    }

    /// Replaces a node's access control.
    ///
    /// - Parameters:
    ///   - path: The path of the node.
    ///   - accessControl: The new access control list.
    ///   - version: Only if the node's access control has this version (`aversion`); `nil`: whatever it has.
    ///   - file: The caller's file, which an error names.
    ///   - line: The caller's line, which an error names.
    /// - Throws: ``ZooKeeperError``: `noNode`, `badVersion`, `noAuth`, `invalidACL`, and what any call may throw.
    public func setAccessControl(
        of path: ZNodePath, to accessControl: AccessControl, ifVersion version: Int32? = nil,
        file: String = #fileID, line: Int = #line
    ) async throws {
        try await perform(SetAccessControl(path, to: accessControl, ifVersion: version), file: file, line: line)
    }

    // MARK: Several at once

    /// Executes all operations, or none of them.
    ///
    /// ```swift
    /// let (job, _, counter) = try await client.transaction(
    ///     Create("/jobs/job-", mode: .persistentSequential), Check("/epoch", version: 7), SetData("/count", to:
    ///     bytes))
    /// ```
    ///
    /// Containers and nodes with a time to live cannot be created in a transaction.
    ///
    /// - Throws: ``ZooKeeperError`` with the code of the first operation that failed, and its position in
    ///   ``ZooKeeperError/failedOperation``.
    public func transaction<each Operation: TransactionOperation>(
        _ operations: repeat each Operation, file: String = #fileID, line: Int = #line
    ) async throws -> (repeat (each Operation).Output) {
        try await perform(Transaction(repeat each operations), file: file, line: line)
    }

    /// Executes all operations, or none of them: for a number of operations only known when the program runs.
    ///
    /// - Throws: ``ZooKeeperError``, as ``ZooKeeperOperations/transaction(_:file:line:)-(Operation,_,_)``.
    @discardableResult
    public func transaction(
        _ operations: [any TransactionOperation], file: String = #fileID, line: Int = #line
    ) async throws -> [TransactionResult] {
        try await perform(TransactionList(operations), file: file, line: line)
    }

    /// Sends several operations back to back, which costs one round trip, and waits for all answers. Each failure is a
    /// ``ZooKeeperError``.
    ///
    /// Nothing of this session comes between them, and the server executes them in this order: a read in a pipeline
    /// sees the writes before it. But a pipeline is no transaction: others' writes may come between, one operation may
    /// fail and the next succeed, and a lost connection may cut it anywhere. Nothing of a pipeline is sent again.
    ///
    /// ```swift
    /// let (mine, all) = await session.pipeline(
    ///     Create("/queue/n-", mode: .ephemeralSequential), GetChildren("/queue"))
    /// ```
    public func pipeline<each Operation: ZooKeeperOperation>(
        _ operations: repeat each Operation, file: String = #fileID, line: Int = #line
    ) async -> (repeat Result<(each Operation).Output, any Error>) {
        let results = await results(of: repeat each operations, within: nil, file: file, line: line)
        return (repeat untyped(each results))
    }

    /// As ``ZooKeeperOperations/pipeline(_:file:line:)-(Operation,_,_)``, for a number of operations only known when the
    /// program runs.
    ///
    /// - Returns: The results, in the order of `operations`. None is sent if one of them is not valid, or if there are
    ///   more than 16,384.
    public func pipeline<Operation: ZooKeeperOperation>(
        _ operations: [Operation], file: String = #fileID, line: Int = #line
    ) async -> [Result<Operation.Output, any Error>] {
        await results(of: operations, within: nil, file: file, line: line).map { untyped($0) }
    }
}

/// The result with its failure untyped, so that every `catch` around its `get()` compiles.
private func untyped<Success>(_ result: Result<Success, ZooKeeperError>) -> Result<Success, any Error> {
    result.mapError { $0 }
}
