// SPDX-License-Identifier: Apache-2.0

// Calls about a node and what is below it.

extension ZooKeeperOperations {
    /// The data and stat of all children of a node, by name. Two round trips, and one more for each further 500 children.
    ///
    /// No snapshot: a child that is deleted meanwhile is left out, and one that is created after the list is not there.
    ///
    /// - Throws: ``ZooKeeperError``: `noNode`, `noAuth` (of the node, or of a child), and what any call may throw.
    public func childrenWithData(
        of path: ZNodePath, file: String = #fileID, line: Int = #line
    ) async throws -> [String: ZNode] {
        var names = try await send(GetChildren(path), file: file, line: line).names[...]
        var nodes: [String: ZNode] = [:]
        while !names.isEmpty {
            let part = names.prefix(500)
            names = names.dropFirst(part.count)
            let results = await results(
                of: part.map { GetData(path.child($0)) }, within: nil, file: file, line: line)
            for (name, result) in zip(part, results) {
                switch result {
                case .success(let node): nodes[name] = node
                case .failure(let error):
                    if error.code == .noNode { continue }
                    // A read by itself is sent again.
                    guard error.code == .connectionLoss else { throw error }
                    if let node = try await getIfExists(path.child(name), file: file, line: line) { nodes[name] = node }
                }
            }
        }
        return nodes
    }

    /// Deletes a node and everything below it, from the leaves up, in transactions of up to 200 nodes.
    ///
    /// Not atomic: others see parts of it gone. Nodes that others delete meanwhile are no trouble; those that others
    /// create meanwhile are deleted too, up to ten times over. A node without children costs one round trip, another one
    /// for each level and each 500 nodes of a level, and one for each 200 nodes.
    ///
    /// - Parameters:
    ///   - path: Not the root, which cannot be deleted, nor `/zookeeper`, which is the servers' own. (Below a chroot, or in
    ///     a view with another root, `/zookeeper` is a node like any other.)
    ///   - limit: The largest number of nodes, so that a wrong path does not cost too much; nothing is deleted if there are
    ///     more.
    ///   - file: The caller's file, which an error names.
    ///   - line: The caller's line, which an error names.
    /// - Returns: The number of nodes that were deleted by this call, as far as it is known (the answer to a transaction may
    ///   be lost); 0 if there is no such node.
    /// - Throws: ``ZooKeeperError``: `noAuth`, `notEmpty` (others are faster in creating), `invalidArgument` (the root, a
    ///   node of the servers, or more than `limit` nodes), and what any call may throw.
    @discardableResult
    public func deleteTree(
        _ path: ZNodePath, upTo limit: Int = 100_000, file: String = #fileID, line: Int = #line
    ) async throws -> Int {
        guard !path.isRoot else {
            throw ZooKeeperError(
                .invalidArgument, path: path.string, operation: "delete", message: "the root cannot be deleted"
            ).at(file: file, line: line)
        }
        // The node itself first. Only the servers know whether it is theirs: its path may be below a chroot. They say it
        // before anything below it is deleted.
        switch await result(of: Delete(path), within: nil, file: file, line: line) {
        case .success: return 1
        case .failure(let error) where error.code == .noNode: return 0
        case .failure(let error) where [.notEmpty, .connectionLoss].contains(error.code): break
        case .failure(let error): throw error
        }
        var count = 0
        for attempt in 1... {
            let nodes = try await tree(below: path, upTo: limit, file, line)
            do throws(ZooKeeperError) {
                var rest = nodes.reversed()[...]
                while !rest.isEmpty {
                    let part = rest.prefix(200)
                    rest = rest.dropFirst(part.count)
                    try await delete(Array(part), counting: &count, file, line)
                }
                return count
            } catch {
                guard error.code == .notEmpty, attempt < 10 else { throw error }
            }
        }
        return count
    }

    /// A node and all below it, those above before those below; nothing if there is no such node.
    private func tree(
        below root: ZNodePath, upTo limit: Int, _ file: String, _ line: Int
    ) async throws(ZooKeeperError) -> [ZNodePath] {
        var found: [ZNodePath] = []
        var level = [root]
        while !level.isEmpty {
            var next: [ZNodePath] = []
            var rest = level[...]
            while !rest.isEmpty {
                let part = rest.prefix(500)
                rest = rest.dropFirst(part.count)
                let results = await results(of: part.map { GetChildren($0) }, within: nil, file: file, line: line)
                for (path, result) in zip(part, results) {
                    var children = result
                    if case .failure(let error) = result, error.code == .connectionLoss {
                        // A read by itself is sent again.
                        children = await self.result(of: GetChildren(path), within: nil, file: file, line: line)
                    }
                    switch children {
                    case .success(let children):
                        found.append(path)
                        next += children.names.map { path.child($0) }
                    case .failure(let error): if error.code != .noNode { throw error }
                    }
                }
                guard found.count + rest.count + next.count <= limit else {
                    throw ZooKeeperError(
                        .invalidArgument, path: root.string, operation: "delete",
                        message: "there are more than \(limit) nodes at and below \(root), the limit of this call"
                    ).at(file: file, line: line)
                }
            }
            level = next
        }
        return found
    }

    /// Deletes these nodes, those below before those above.
    ///
    /// - Parameter count: Grows by the number of those that had not been deleted before.
    private func delete(
        _ paths: [ZNodePath], counting count: inout Int, _ file: String, _ line: Int
    ) async throws(ZooKeeperError) {
        do {
            _ = try await send(TransactionList(paths.map { Delete($0) }), file: file, line: line)
            count += paths.count
            return
        } catch {
            // Something has changed meanwhile, or the answer is lost: each for itself.
            guard [.noNode, .notEmpty, .connectionLoss, .requestTooLarge].contains(error.code) else { throw error }
        }
        var failure: ZooKeeperError?
        for result in await results(of: paths.map { Delete($0) }, within: nil, file: file, line: line) {
            switch result {
            case .success: count += 1
            case .failure(let error): if error.code != .noNode, failure == nil { failure = error }
            }
        }
        if let failure { throw failure }
    }
}
