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
    /// - Returns: The path and stat of the node.
    /// - Throws: ``ZooKeeperError``: as ``ZooKeeperOperations/create(_:data:mode:accessControl:file:line:)``;
    ///   `invalidArgument` if `mode` is not sequential. With ``ZooKeeperError/execution`` `unknown` only if the session has
    ///   ended, or no server has answered within the request time-out.
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
            while true {
                let prefix = "_c_\(guids.next())"
                let create = Create(
                    parent.child("\(prefix)-\(path.name)"), data: data, mode: mode, accessControl: accessControl)
                do {
                    return try await send(create, file: file, line: line)
                } catch {
                    let mayBeSentAgain = error.code == .connectionLoss && error.execution == .notSent
                    if !mayBeSentAgain {
                        guard error.code == .connectionLoss, error.execution == .unknown else { throw error }
                        if let found = try await find(prefix, in: parent, file, line) { return found }
                        // It may arrive late; then it is nobody's.
                        janitor.resolveCreate(prefix, in: parent, of: self)
                    }
                    guard ContinuousClock.now < deadline else { throw error }
                }
            }
        } catch {
            throw error.at(file: file, line: line)
        }
    }

    /// The node in `parent` whose name begins with `prefix`.
    private func find(
        _ prefix: String, in parent: ZNodePath, _ file: String, _ line: Int
    ) async throws(ZooKeeperError) -> CreatedZNode? {
        let names = try await syncedNames(of: parent).get()
        guard let name = names.first(where: { $0.hasPrefix(prefix) }) else { return nil }
        let node = parent.child(name)
        return CreatedZNode(path: node, stat: try await send(Exists(node), file: file, line: line))
    }

    /// The children of `directory`, not older than what any server has committed.
    private func syncedNames(of directory: ZNodePath) async -> Result<ChildNames, ZooKeeperError> {
        while true {
            let list = Promise<Result<ChildNames, ZooKeeperError>>()
            submitSyncedList(of: directory) { result, _ in list.fulfil(result) }
            switch await list.wait() {
            // The connection was lost between the two.
            case .value(.failure(let error)) where error.code == .connectionLoss: continue
            case .value(let result): return result
            case .cancelled, .timedOut: return .failure(ZooKeeperError(.cancelled, execution: .unknown))
            }
        }
    }
}
