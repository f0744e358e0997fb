// SPDX-License-Identifier: Apache-2.0

/// The type of a request, as in ZooKeeper's `org.apache.zookeeper.ZooDefs.OpCode`, with the same names.
public struct OperationCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The number in ZooKeeper's protocol.
    public let rawValue: Int32

    /// The type with this number.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// Creates a node; the answer has its path only.
    public static let create = OperationCode(rawValue: 1)
    /// Deletes a node.
    public static let delete = OperationCode(rawValue: 2)
    /// Reads the stat of a node.
    public static let exists = OperationCode(rawValue: 3)
    /// Reads the data and stat of a node.
    public static let getData = OperationCode(rawValue: 4)
    /// Replaces a node's data.
    public static let setData = OperationCode(rawValue: 5)
    /// Reads a node's access control list.
    public static let getACL = OperationCode(rawValue: 6)
    /// Replaces a node's access control list.
    public static let setACL = OperationCode(rawValue: 7)
    /// Lists a node's children, without its stat. This library sends ``getChildren2``.
    public static let getChildren = OperationCode(rawValue: 8)
    /// Waits until the server has caught up with the leader.
    public static let sync = OperationCode(rawValue: 9)
    /// A heartbeat.
    public static let ping = OperationCode(rawValue: 11)
    /// Lists a node's children, with its stat.
    public static let getChildren2 = OperationCode(rawValue: 12)
    /// Checks a node's version, in a transaction.
    public static let check = OperationCode(rawValue: 13)
    /// A transaction.
    public static let multi = OperationCode(rawValue: 14)
    /// Creates a node; the answer has its path and stat.
    public static let create2 = OperationCode(rawValue: 15)
    /// Changes the servers of the ensemble.
    public static let reconfig = OperationCode(rawValue: 16)
    /// Looks whether a watch is set.
    public static let checkWatches = OperationCode(rawValue: 17)
    /// Takes watches off a node.
    public static let removeWatches = OperationCode(rawValue: 18)
    /// Creates a container.
    public static let createContainer = OperationCode(rawValue: 19)
    /// Creates a node with a time to live.
    public static let createTTL = OperationCode(rawValue: 21)
    /// Shows credentials.
    public static let auth = OperationCode(rawValue: 100)
    /// Sets watches again on a new connection.
    public static let setWatches = OperationCode(rawValue: 101)
    /// Closes the session.
    public static let closeSession = OperationCode(rawValue: -11)

    private static let names: [OperationCode: String] = [
        .create: "create", .delete: "delete", .exists: "exists", .getData: "getData", .setData: "setData",
        .getACL: "getACL", .setACL: "setACL", .getChildren: "getChildren", .sync: "sync", .ping: "ping",
        .getChildren2: "getChildren2", .check: "check", .multi: "multi", .create2: "create2",
        .reconfig: "reconfig", .checkWatches: "checkWatches", .removeWatches: "removeWatches",
        .createContainer: "createContainer", .createTTL: "createTTL", .auth: "auth", .setWatches: "setWatches",
        .closeSession: "closeSession",
    ]

    /// The name in ZooKeeper's protocol.
    public var description: String { Self.names[self] ?? "operation \(rawValue)" }
}
