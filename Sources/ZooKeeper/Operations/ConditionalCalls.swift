// SPDX-License-Identifier: Apache-2.0

// Calls that take a node that is there, or is not, for an ordinary answer and not for an error.

extension ZooKeeperOperations {
    /// The data and stat of a node, or `nil` if there is no such node. One round trip.
    ///
    /// - Throws: ``ZooKeeperError``: `noAuth`, and what any call may throw.
    public func getIfExists(
        _ path: ZNodePath, file: String = #fileID, line: Int = #line
    ) async throws -> ZNode? {
        try await ifExists { () throws(ZooKeeperError) in try await send(GetData(path), file: file, line: line) }
    }

    /// The names of a node's children, and the node's own stat, or `nil` if there is no such node. One round trip.
    ///
    /// - Throws: ``ZooKeeperError``: `noAuth`, and what any call may throw.
    public func childrenIfExists(
        of path: ZNodePath, file: String = #fileID, line: Int = #line
    ) async throws -> GetChildren.Output? {
        try await ifExists { () throws(ZooKeeperError) in try await send(GetChildren(path), file: file, line: line) }
    }

    /// Replaces a node's data, if there is such a node. One round trip.
    ///
    /// - Parameters:
    ///   - path: The path of the node.
    ///   - data: The node's new data.
    ///   - version: Only if the node's data has this version; `nil`: whatever it has.
    ///   - file: The caller's file, which an error names.
    ///   - line: The caller's line, which an error names.
    /// - Returns: The node's new stat; `nil` if there is no such node.
    /// - Throws: ``ZooKeeperError``: `badVersion`, `noAuth`, `requestTooLarge`, and what any call may throw.
    @discardableResult
    public func setIfExists(
        _ path: ZNodePath, to data: some Sequence<UInt8>, ifVersion version: Int32? = nil,
        file: String = #fileID, line: Int = #line
    ) async throws -> ZNodeStat? {
        let set = SetData(path, to: data, ifVersion: version)
        return try await ifExists { () throws(ZooKeeperError) in try await send(set, file: file, line: line) }
    }

    /// Deletes a node that has no children, if there is such a node. One round trip.
    ///
    /// - Parameters:
    ///   - path: The path of the node.
    ///   - version: Only if the node's data has this version; `nil`: whatever it has.
    ///   - file: The caller's file, which an error names.
    ///   - line: The caller's line, which an error names.
    /// - Returns: `false` if there was no such node.
    /// - Throws: ``ZooKeeperError``: `notEmpty`, `badVersion`, `noAuth`, and what any call may throw.
    @discardableResult
    public func deleteIfExists(
        _ path: ZNodePath, ifVersion version: Int32? = nil, file: String = #fileID, line: Int = #line
    ) async throws -> Bool {
        let deleted: Void? = try await ifExists { () throws(ZooKeeperError) in
            try await send(Delete(path, ifVersion: version), file: file, line: line)
        }
        return deleted != nil
    }

    private func ifExists<Success>(
        _ call: () async throws(ZooKeeperError) -> Success
    ) async throws(ZooKeeperError) -> Success? {
        do { return try await call() } catch {
            if error.code == .noNode { return nil }
            throw error
        }
    }

    /// Creates a node, if it does not exist yet. One round trip.
    ///
    /// - Parameters:
    ///   - path: For a sequential node, which never exists yet, the server adds ten digits to it.
    ///   - data: The node's first data.
    ///   - mode: The lifetime of the node, and its name: with or without digits that the server adds.
    ///   - accessControl: The access control list of the node.
    ///   - file: The caller's file, which an error names.
    ///   - line: The caller's line, which an error names.
    /// - Returns: The path and stat of the node; `nil` if there was one already, which is left as it is.
    /// - Throws: ``ZooKeeperError``: as ``create(_:data:mode:accessControl:file:line:)``, without `nodeExists`.
    @discardableResult
    public func createIfMissing(
        _ path: ZNodePath, data: some Sequence<UInt8> = [], mode: CreateMode = .persistent,
        accessControl: AccessControl = .open, file: String = #fileID, line: Int = #line
    ) async throws -> CreatedZNode? {
        let create = Create(path, data: data, mode: mode, accessControl: accessControl)
        do throws(ZooKeeperError) { return try await send(create, file: file, line: line) } catch {
            if error.code == .nodeExists { return nil }
            throw error
        }
    }

    /// Creates a node, and those of its ancestors that do not exist. One round trip if its parent exists, otherwise two.
    ///
    /// - Parameters:
    ///   - path: For a sequential node, the server adds ten digits to it.
    ///   - data: The node's first data. Ancestors are created without.
    ///   - mode: The lifetime of the node, and its name: with or without digits that the server adds.
    ///   - accessControl: The access control list of the node.
    ///   - ancestorMode: The lifetime of ancestors: a container is removed by the servers some time after its last child.
    ///   - ancestorAccessControl: The access control list of ancestors.
    ///   - file: The caller's file, which an error names.
    ///   - line: The caller's line, which an error names.
    /// - Returns: The path and stat of the node.
    /// - Throws: ``ZooKeeperError``: as ``create(_:data:mode:accessControl:file:line:)``. If an ancestor cannot be created,
    ///   the reason for that.
    @discardableResult
    public func createWithAncestors(
        _ path: ZNodePath, data: some Sequence<UInt8> = [], mode: CreateMode = .persistent,
        accessControl: AccessControl = .open, ancestorMode: CreateMode = .persistent,
        ancestorAccessControl: AccessControl = .open, file: String = #fileID, line: Int = #line
    ) async throws -> CreatedZNode {
        guard !ancestorMode.isSequential, ancestorMode.lifetime != .ephemeral else {
            throw ZooKeeperError(
                .invalidArgument, path: path.string, operation: "create",
                message: "an ancestor must be persistent, a container or have a time to live, and no sequential node"
            ).at(file: file, line: line)
        }
        let create = Create(path, data: data, mode: mode, accessControl: accessControl)
        do throws(ZooKeeperError) { return try await send(create, file: file, line: line) } catch {
            if error.code != .noNode { throw error }
        }
        let ancestors = path.ancestors.map { Create($0, mode: ancestorMode, accessControl: ancestorAccessControl) }
        let results = await results(of: ancestors + [create], within: nil, file: file, line: line)
        guard case .failure(let error)? = results.last, error.code == .noNode else {
            guard let last = results.last else { throw ZooKeeperError.mismatch }
            return try last.get()
        }
        // Of an ancestor that is there the servers say that it is, or only that this client may not create it.
        for result in results.dropLast() {
            if case .failure(let reason) = result, reason.code != .nodeExists, reason.code != .noNode { throw reason }
        }
        throw error
    }

    /// Changes a node's data: reads it, and sets what `change` makes of it, if nobody has set it meanwhile; otherwise all
    /// over again, for as long as it takes. Two round trips if nobody has.
    ///
    /// ```swift
    /// try await client.update("/counter") { old in encode(decode(old.data) + 1) }
    /// ```
    ///
    /// - Parameters:
    ///   - path: A node that exists.
    ///   - isolation: The isolation of `change`: the caller's.
    ///   - file: The caller's file, which an error names.
    ///   - line: The caller's line, which an error names.
    ///   - change: Makes the new data. Runs once for each attempt, so it should do nothing else. `nil` leaves the node as
    ///     it is.
    /// - Returns: The node's stat: the new one, or that of the read if `change` has returned `nil`.
    /// - Throws: The error of `change`. ``ZooKeeperError``: `noNode`, `noAuth`, `requestTooLarge`, and what any call may
    ///   throw. If the answer to the write is lost, ``ZooKeeperError/execution`` is `unknown` and nothing is tried again.
    @discardableResult
    public func update(
        _ path: ZNodePath, isolation: isolated (any Actor)? = #isolation, file: String = #fileID, line: Int = #line,
        _ change: (ZNode) throws -> [UInt8]?
    ) async throws -> ZNodeStat {
        var attempt = 0
        while true {
            let old = try await send(GetData(path), file: file, line: line)
            guard let new = try change(old) else { return old.stat }
            do throws(ZooKeeperError) {
                return try await send(SetData(path, to: new, ifVersion: old.stat.version), file: file, line: line)
            } catch {
                guard error.code == .badVersion else { throw error }
            }
            // Others get on; when there are many of them, not all at the same moment.
            attempt += 1
            if attempt > 3 {
                await Backoff(initial: .milliseconds(1), maximum: .milliseconds(100)).pause(beforeAttempt: attempt)
            }
            if Task.isCancelled {
                throw ZooKeeperError(.cancelled, path: path.string, operation: "update").at(file: file, line: line)
            }
        }
    }
}
