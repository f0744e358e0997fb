// SPDX-License-Identifier: Apache-2.0

extension ZooKeeperOperations {
    /// The same operations with another root: every path is below `root`, as with a chroot in the connect string, but over
    /// the same session.
    ///
    /// ```swift
    /// let billing = client.rooted(at: "/billing")
    /// try await billing.create("/jobs")                      // the node /billing/jobs
    /// let lock = ZooKeeperLock(billing, at: "/locks/month")  // excludes those at /billing/locks/month
    /// ```
    ///
    /// Paths in results, watch events and errors are as this view sees them. The root itself is not created.
    public func rooted(at root: ZNodePath) -> RootedOperations<Self> { RootedOperations(base: self, root: root) }
}

/// The operations of a client or a session, below another root: ``ZooKeeperOperations/rooted(at:)``.
public struct RootedOperations<Base: ZooKeeperOperations>: ZooKeeperOperations {
    /// The client or the session.
    public let base: Base
    /// The node that is `/` here.
    public let root: ZNodePath

    /// Tells whether operations go to another session when one is lost.
    public var spansSessions: Bool { base.spansSessions }

    /// The same operations below a node of this view.
    public func rooted(at root: ZNodePath) -> RootedOperations { RootedOperations(base: base, root: absolute(root)) }

    /// The path that the base knows for a path of this view.
    public func absolute(_ path: ZNodePath) -> ZNodePath { path.below(root) }

    /// Sends one operation and waits for its answer.
    public func result<Operation: ZooKeeperOperation>(
        of operation: Operation, within limit: Duration?, file: String, line: Int
    ) async -> Result<Operation.Output, ZooKeeperError> {
        await base.result(of: RootedOperation(operation, root), within: limit, file: file, line: line)
            .mapError { $0.relative(to: root) }
    }

    /// Sends several operations back to back and waits for all answers.
    public func results<each Operation: ZooKeeperOperation>(
        of operations: repeat each Operation, within limit: Duration?, file: String, line: Int
    ) async -> (repeat Result<(each Operation).Output, ZooKeeperError>) {
        // As a list: Swift 6.3 frees what it keeps for a call with a changed pack in the wrong order, and aborts.
        var requests: [Request] = []
        for operation in repeat each operations {
            requests.append(RootedOperation(operation, root).makeRequest())
        }
        let answers = await base.results(
            of: requests.map { RawOperation(request: $0) }, within: limit, file: file, line: line)
        var index = 0
        func next<Next: ZooKeeperOperation>(_ operation: Next) -> Result<Next.Output, ZooKeeperError> {
            defer { index += 1 }
            do throws(ZooKeeperError) {
                return .success(try RootedOperation(operation, root).output(of: answers[index], to: requests[index]))
            } catch {
                return .failure(error.relative(to: root))
            }
        }
        return (repeat next(each operations))
    }

    /// Sends several operations back to back and waits for all answers.
    public func results<Operation: ZooKeeperOperation>(
        of operations: [Operation], within limit: Duration?, file: String, line: Int
    ) async -> [Result<Operation.Output, ZooKeeperError>] {
        await base.results(of: operations.map { RootedOperation($0, root) }, within: limit, file: file, line: line)
            .map { $0.mapError { $0.relative(to: root) } }
    }
}

extension RootedOperations {
    /// A node that the base has created, as this view sees it.
    func relative(_ create: () async throws -> CreatedZNode) async throws -> CreatedZNode {
        do {
            let node = try await create()
            return CreatedZNode(path: node.path.relative(to: root), stat: node.stat)
        } catch let error as ZooKeeperError {
            throw error.relative(to: root)
        }
    }
}

/// A request whose answer is taken apart elsewhere.
private struct RawOperation: ZooKeeperOperation {
    let request: Request

    func makeRequest() -> Request { request }

    func output(
        of result: Result<Response, ZooKeeperError>, to request: Request
    ) throws(ZooKeeperError) -> Response { try result.get() }
}

/// An operation whose paths are below another root.
private struct RootedOperation<Operation: ZooKeeperOperation>: ZooKeeperOperation {
    private let operation: Operation
    private let root: ZNodePath

    init(_ operation: Operation, _ root: ZNodePath) {
        self.operation = operation
        self.root = root
    }

    func makeRequest() -> Request {
        var request = operation.makeRequest()
        guard !request.isOutsideChroot, !root.isRoot else { return request }
        var isSequential = false
        if case .create(_, let mode, _) = request.action { isSequential = mode.isSequential }
        request.path = request.path.map { place($0, isSequential) }
        if case .transaction(let steps) = request.action {
            request.action = .transaction(
                steps.map { step in
                    var isSequential = false
                    if case .create(_, let mode, _) = step.action { isSequential = mode.isSequential }
                    return TransactionStep(place(step.path, isSequential), step.action)
                })
        }
        request.watch?.place(below: root)
        return request
    }

    /// A sequential node at `/` is a child of the root, whose name is its digits: they do not go behind the root's name.
    private func place(_ path: ZNodePath, _ isSequential: Bool) -> ZNodePath {
        path.isRoot && isSequential ? ZNodePath(unchecked: root.string + "/") : path.below(root)
    }

    func output(
        of result: Result<Response, ZooKeeperError>, to request: Request
    ) throws(ZooKeeperError) -> Operation.Output {
        try operation.output(of: result.map { Response($0.kind.relative(to: root)) }, to: request)
    }
}

extension Response.Kind {
    fileprivate func relative(to root: ZNodePath) -> Response.Kind {
        switch self {
        case .created(let path, let stat): .created(path: path.relative(to: root), stat: stat)
        case .transaction(let results): .transaction(results.map { $0.relative(to: root) })
        default: self
        }
    }
}

extension ZooKeeperError {
    fileprivate func relative(to root: ZNodePath) -> ZooKeeperError {
        located { context in
            context.path = context.path.map { ZNodePath(unchecked: $0).relative(to: root).string }
        }
    }
}
