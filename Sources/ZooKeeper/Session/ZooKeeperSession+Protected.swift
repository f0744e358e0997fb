// SPDX-License-Identifier: Apache-2.0

// Sequential nodes of a user's own that are created once, whatever becomes of the connection.

extension ZooKeeperSession {
    /// Creates a sequential node once, also if the connection is lost before the answer: Curator's `withProtection`.
    ///
    /// A plain create whose answer is lost throws with ``ZooKeeperError/execution`` `unknown`, and of a sequential node the
    /// caller does not know the name: one that is created again would be a second one, and the first would stay. This puts
    /// a GUID in front of the name, by which the node is found again: `/queue/n-` becomes
    /// `/queue/_c_<GUID>-n-0000000007`.
    ///
    /// One round trip; after a lost connection two more. A node that turns up later, when it has been created again, is
    /// removed.
    ///
    /// - Parameters:
    ///   - path: The server adds ten digits to it.
    ///   - data: The node's first data.
    ///   - mode: A sequential one.
    ///   - accessControl: The access control list of the node.
    ///   - file: The caller's file, which an error names.
    ///   - line: The caller's line, which an error names.
    /// - Returns: The path and stat of the node.
    /// - Throws: ``ZooKeeperError``: as ``ZooKeeperOperations/create(_:data:mode:accessControl:file:line:)``;
    ///   `invalidArgument` if `mode` is not sequential. With ``ZooKeeperError/execution`` `unknown` if the session has ended,
    ///   the caller was cancelled, or no server has answered within the request time-out: a node that turns up then is
    ///   removed, as long as this session lives.
    @discardableResult
    public func createProtected(
        _ path: ZNodePath, data: some Sequence<UInt8> = [], mode: CreateMode = .ephemeralSequential,
        accessControl: AccessControl = .open, file: String = #fileID, line: Int = #line
    ) async throws -> CreatedZNode {
        do throws(ZooKeeperError) {
            guard mode.isSequential, let parent = path.parent else {
                throw ZooKeeperError(
                    .invalidArgument, path: path.string, operation: "create",
                    message: "a protected node is a sequential one, below another node")
            }
            let deadline = ContinuousClock.now + settings.requestTimeout
            let data = Array(data)
            var attempt = 0
            while true {
                let prefix = "_c_\(guids.next())"
                let create = Create(
                    parent.child("\(prefix)-\(path.name)"), data: data, mode: mode, accessControl: accessControl)
                let failure: ZooKeeperError
                do { return try await send(create, file: file, line: line) } catch { failure = error }
                if failure.execution == .unknown {
                    let found: Result<CreatedZNode?, ZooKeeperError> =
                        failure.code == .connectionLoss
                        ? await find(prefix, in: parent, until: deadline) : .failure(failure)
                    if case .success(let node?) = found { return node }
                    // It may arrive late; then it is nobody's.
                    janitor.resolveCreate(prefix, in: parent, of: self)
                    if case .failure = found { throw failure }
                } else if failure.code != .connectionLoss {
                    throw failure
                }
                attempt += 1
                // If that goes on, it is the create that costs the connection.
                guard ContinuousClock.now < deadline, attempt < 5 else { throw failure }
                await Backoff(initial: .milliseconds(50), maximum: .seconds(2)).pause(beforeAttempt: attempt)
            }
        } catch {
            throw error.at(file: file, line: line)
        }
    }

    /// The node in `parent` whose name begins with `prefix`, as of now: not older than what any server has committed.
    private func find(
        _ prefix: String, in parent: ZNodePath, until deadline: ContinuousClock.Instant
    ) async -> Result<CreatedZNode?, ZooKeeperError> {
        while true {
            let list = Promise<Result<ChildNames, ZooKeeperError>>()
            submitSyncedList(of: parent) { result, _ in list.fulfil(result) }
            switch await list.wait(until: deadline) {
            // The connection was lost between the two.
            case .value(.failure(let error)) where error.code == .connectionLoss && ContinuousClock.now < deadline:
                continue
            case .value(.failure(let error)): return .failure(error)
            case .value(.success(let names)):
                guard let name = names.first(where: { $0.hasPrefix(prefix) }) else { return .success(nil) }
                let node = parent.child(name)
                // Its stat is welcome, and not needed.
                let stat = try? await result(of: Exists(node), within: nil, file: "", line: 0).get()
                return .success(CreatedZNode(path: node, stat: stat ?? nil))
            case .cancelled, .timedOut: return .failure(ZooKeeperError(.cancelled, execution: .unknown))
            }
        }
    }
}

extension RootedOperations where Base == ZooKeeperSession {
    /// Creates a sequential node once: see ``ZooKeeperSession/createProtected(_:data:mode:accessControl:file:line:)``.
    ///
    /// - Throws: As that one.
    @discardableResult
    public func createProtected(
        _ path: ZNodePath, data: some Sequence<UInt8> = [], mode: CreateMode = .ephemeralSequential,
        accessControl: AccessControl = .open, file: String = #fileID, line: Int = #line
    ) async throws -> CreatedZNode {
        try await relative {
            try await base.createProtected(
                absolute(path), data: data, mode: mode, accessControl: accessControl, file: file, line: line)
        }
    }
}
