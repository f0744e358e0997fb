// SPDX-License-Identifier: Apache-2.0

/// Creates a node.
public struct Create: ZooKeeperOperation, TransactionOperation {
    /// The path of the node.
    public var path: ZNodePath
    /// The node's first data.
    public var data: [UInt8]
    /// The lifetime of the node, and its name: with or without digits that the server adds.
    public var mode: CreateMode
    /// The access control list of the node.
    public var accessControl: AccessControl
    /// A sequential node without a name of its own: its name will be the digits.
    private var isNameless = false

    /// - Parameters:
    ///   - path: For a sequential node, the server adds ten digits to it. (A sequential node at `/` is one in the root,
    ///     whose name is its digits.)
    ///   - data: The node's first data. Never null on the server, also when empty.
    ///   - mode: The lifetime of the node, and its name: with or without digits that the server adds.
    ///   - accessControl: The access control list of the node.
    public init(
        _ path: ZNodePath, data: some Sequence<UInt8> = [], mode: CreateMode = .persistent,
        accessControl: AccessControl = .open
    ) {
        self.path = path
        self.data = Array(data)
        self.mode = mode
        self.accessControl = accessControl
    }

    /// A sequential node whose name is nothing but its digits.
    ///
    /// - Parameters:
    ///   - parent: The path of its parent.
    ///   - data: The node's first data. Never null on the server, also when empty.
    ///   - mode: A sequential one; another is made sequential.
    ///   - accessControl: The access control list of the node.
    public init(
        namelessIn parent: ZNodePath, data: some Sequence<UInt8> = [], mode: CreateMode = .persistentSequential,
        accessControl: AccessControl = .open
    ) {
        self.init(parent, data: data, mode: mode, accessControl: accessControl)
        self.mode.isSequential = true
        self.isNameless = true
    }

    /// The path to which the server adds the digits.
    private var requestPath: ZNodePath {
        isNameless && !path.isRoot ? ZNodePath(unchecked: path.string + "/") : path
    }

    public func makeRequest() -> Request {
        Request(requestPath, .create(data: data, mode: mode, accessControl: accessControl))
    }

    public func output(
        of result: Result<Response, ZooKeeperError>, to request: Request
    ) throws(ZooKeeperError) -> CreatedZNode {
        try output(of: try result.get())
    }

    public func makeStep() -> TransactionStep {
        TransactionStep(requestPath, .create(data: data, mode: mode, accessControl: accessControl))
    }

    public func output(of response: Response) throws(ZooKeeperError) -> CreatedZNode {
        guard case .created(let path, let stat) = response.kind else { throw .mismatch }
        return CreatedZNode(path: path, stat: stat)
    }
}

/// Replaces a node's data.
public struct SetData: ZooKeeperOperation, TransactionOperation {
    /// The path of the node.
    public var path: ZNodePath
    /// The node's new data.
    public var data: [UInt8]
    /// The version that the node's data must have; `nil`: any.
    public var version: Int32?

    /// - Parameters:
    ///   - path: The path of the node.
    ///   - data: The node's new data.
    ///   - version: Only if the node's data has this version; `nil`: whatever it has.
    public init(_ path: ZNodePath, to data: some Sequence<UInt8>, ifVersion version: Int32? = nil) {
        self.path = path
        self.data = Array(data)
        self.version = version
    }

    public func makeRequest() -> Request {
        Request(path, .setData(data: data, version: version ?? -1))
    }

    public func output(
        of result: Result<Response, ZooKeeperError>, to request: Request
    ) throws(ZooKeeperError) -> ZNodeStat {
        try output(of: try result.get())
    }

    public func makeStep() -> TransactionStep {
        TransactionStep(path, .setData(data: data, version: version ?? -1))
    }

    public func output(of response: Response) throws(ZooKeeperError) -> ZNodeStat {
        guard case .stat(let stat) = response.kind else { throw .mismatch }
        return stat
    }
}

/// Deletes a node that has no children.
public struct Delete: ZooKeeperOperation, TransactionOperation {
    /// The path of the node.
    public var path: ZNodePath
    /// The version that the node's data must have; `nil`: any.
    public var version: Int32?

    /// - Parameters:
    ///   - path: The path of the node.
    ///   - version: Only if the node's data has this version; `nil`: whatever it has.
    public init(_ path: ZNodePath, ifVersion version: Int32? = nil) {
        self.path = path
        self.version = version
    }

    public func makeRequest() -> Request { Request(path, .delete(version: version ?? -1)) }

    public func output(of result: Result<Response, ZooKeeperError>, to request: Request) throws(ZooKeeperError) {
        _ = try result.get()
    }

    public func makeStep() -> TransactionStep {
        TransactionStep(path, .delete(version: version ?? -1))
    }

    public func output(of response: Response) throws(ZooKeeperError) {}
}

/// Replaces a node's access control.
public struct SetAccessControl: ZooKeeperOperation {
    /// The path of the node.
    public var path: ZNodePath
    /// The new access control list.
    public var accessControl: AccessControl
    /// The version that the node's access control must have (`aversion`); `nil`: any.
    public var version: Int32?

    /// - Parameters:
    ///   - path: The path of the node.
    ///   - accessControl: The new access control list.
    ///   - version: Only if the node's access control has this version (`aversion`); `nil`: whatever it has.
    public init(_ path: ZNodePath, to accessControl: AccessControl, ifVersion version: Int32? = nil) {
        self.path = path
        self.accessControl = accessControl
        self.version = version
    }

    public func makeRequest() -> Request {
        Request(path, .setAccessControl(accessControl, version: version ?? -1))
    }

    public func output(of result: Result<Response, ZooKeeperError>, to request: Request) throws(ZooKeeperError) {
        _ = try result.get()
    }
}

/// Lets a transaction go through only if a node exists, or has a version. Changes nothing.
public struct Check: TransactionOperation {
    /// The path of the node.
    public var path: ZNodePath
    /// The version that the node's data must have; `nil`: the node must exist.
    public var version: Int32?

    /// - Parameters:
    ///   - path: The path of the node.
    ///   - version: The version the node's data must have; `nil`: the node must exist.
    public init(_ path: ZNodePath, version: Int32? = nil) {
        self.path = path
        self.version = version
    }

    public func makeStep() -> TransactionStep {
        TransactionStep(path, .check(version: version ?? -1))
    }

    public func output(of response: Response) throws(ZooKeeperError) {}
}
