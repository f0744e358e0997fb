// SPDX-License-Identifier: Apache-2.0

/// The type of a request, as in ZooKeeper's `org.apache.zookeeper.ZooDefs.OpCode`, with the same names.
public struct OperationCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: Int32

    public init(rawValue: Int32) { self.rawValue = rawValue }

    public static let create = OperationCode(rawValue: 1)
    public static let delete = OperationCode(rawValue: 2)
    public static let exists = OperationCode(rawValue: 3)
    public static let getData = OperationCode(rawValue: 4)
    public static let setData = OperationCode(rawValue: 5)
    public static let getACL = OperationCode(rawValue: 6)
    public static let setACL = OperationCode(rawValue: 7)
    public static let getChildren = OperationCode(rawValue: 8)
    public static let sync = OperationCode(rawValue: 9)
    public static let ping = OperationCode(rawValue: 11)
    public static let getChildren2 = OperationCode(rawValue: 12)
    public static let check = OperationCode(rawValue: 13)
    public static let multi = OperationCode(rawValue: 14)
    public static let create2 = OperationCode(rawValue: 15)
    public static let reconfig = OperationCode(rawValue: 16)
    public static let checkWatches = OperationCode(rawValue: 17)
    public static let removeWatches = OperationCode(rawValue: 18)
    public static let createContainer = OperationCode(rawValue: 19)
    public static let createTTL = OperationCode(rawValue: 21)
    public static let auth = OperationCode(rawValue: 100)
    public static let setWatches = OperationCode(rawValue: 101)
    public static let closeSession = OperationCode(rawValue: -11)

    private static let names: [OperationCode: String] = [
        .create: "create", .delete: "delete", .exists: "exists", .getData: "getData", .setData: "setData",
        .getACL: "getACL", .setACL: "setACL", .getChildren: "getChildren", .sync: "sync", .ping: "ping",
        .getChildren2: "getChildren2", .check: "check", .multi: "multi", .create2: "create2",
        .reconfig: "reconfig", .checkWatches: "checkWatches", .removeWatches: "removeWatches",
        .createContainer: "createContainer", .createTTL: "createTTL", .auth: "auth", .setWatches: "setWatches",
        .closeSession: "closeSession",
    ]

    public var description: String { Self.names[self] ?? "operation \(rawValue)" }
}
