// SPDX-License-Identifier: Apache-2.0

/// Reads a node's data and stat.
public struct GetData: WatchableOperation {
    /// The path of the node.
    public var path: ZNodePath

    /// The operation on the node at `path`.
    public init(_ path: ZNodePath) { self.path = path }

    public func makeRequest() -> Request { Request(path, .getData) }

    public func output(
        of result: Result<Response, ZooKeeperError>, to request: Request
    ) throws(ZooKeeperError) -> ZNode {
        guard case .node(let node) = try result.get().kind else { throw .mismatch }
        return node
    }
}

/// Reads a node's stat; `nil` if there is no such node. With a watch it also sees the node being created.
public struct Exists: WatchableOperation {
    /// The path of the node.
    public var path: ZNodePath

    /// The operation on the node at `path`.
    public init(_ path: ZNodePath) { self.path = path }

    public func makeRequest() -> Request { Request(path, .exists) }

    public func output(
        of result: Result<Response, ZooKeeperError>, to request: Request
    ) throws(ZooKeeperError) -> ZNodeStat? {
        switch result {
        case .success(let response):
            guard case .stat(let stat) = response.kind else { throw .mismatch }
            return stat
        case .failure(let error):
            if error.code == .noNode { return nil }
            throw error
        }
    }
}

/// The names of a node's children, and the node's stat.
public struct GetChildren: WatchableOperation {
    public struct Output: Sendable, Hashable {
        /// Names, not paths, in no particular order.
        public var names: [String]
        /// The stat of the parent.
        public var stat: ZNodeStat
    }

    /// The path of the node.
    public var path: ZNodePath

    /// The operation on the node at `path`.
    public init(_ path: ZNodePath) { self.path = path }

    public func makeRequest() -> Request { Request(path, .getChildren) }

    public func output(
        of result: Result<Response, ZooKeeperError>, to request: Request
    ) throws(ZooKeeperError) -> Output {
        guard case .children(let names, let stat) = try result.get().kind else { throw .mismatch }
        return Output(names: Array(names), stat: stat)
    }
}

/// A read of a node's access control.
public struct GetAccessControl: ZooKeeperOperation {
    /// The result of the read.
    public struct Output: Sendable, Hashable {
        /// The node's access control list.
        public var accessControl: AccessControl
        /// The node's stat; its `aversion` is what ``SetAccessControl`` can check.
        public var stat: ZNodeStat
    }

    /// The path of the node.
    public var path: ZNodePath

    /// The operation on the node at `path`.
    public init(_ path: ZNodePath) { self.path = path }

    public func makeRequest() -> Request { Request(path, .getAccessControl) }

    public func output(
        of result: Result<Response, ZooKeeperError>, to request: Request
    ) throws(ZooKeeperError) -> Output {
        guard case .accessControl(let accessControl, let stat) = try result.get().kind else { throw .mismatch }
        return Output(accessControl: accessControl, stat: stat)
    }
}

/// Waits until the server this session is connected to has caught up with its leader.
public struct Sync: ZooKeeperOperation {
    /// The path of the node.
    public var path: ZNodePath

    public init(_ path: ZNodePath = .root) { self.path = path }

    public func makeRequest() -> Request { Request(path, .sync) }

    public func output(of result: Result<Response, ZooKeeperError>, to request: Request) throws(ZooKeeperError) {
        _ = try result.get()
    }
}
