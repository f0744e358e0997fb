/// One message of ZooKeeper's protocol: four bytes of length, then so many bytes. Numbers are big-endian.
struct Frame {
    /// Without the length.
    var bytes: [UInt8] = []

    /// With the length in front.
    var encoded: [UInt8] { Self.bytes(of: Int32(bytes.count)) + bytes }

    mutating func append(_ number: some FixedWidthInteger) { bytes += Self.bytes(of: number) }

    /// The number at `offset`; `nil` if the message is too short.
    func number<Number: FixedWidthInteger>(at offset: Int, as type: Number.Type = Number.self) -> Number? {
        let end = offset + MemoryLayout<Number>.size
        guard end <= bytes.count else { return nil }
        return bytes[offset..<end].reduce(0) { ($0 << 8) | Number(truncatingIfNeeded: $1) }
    }

    /// The length that four bytes say; what no peer sends becomes 0.
    static func length(_ header: [UInt8]) -> Int {
        max(0, Int(header.reduce(Int32(0)) { ($0 << 8) | Int32($1) }))
    }

    private static func bytes(of number: some FixedWidthInteger) -> [UInt8] {
        unsafe withUnsafeBytes(of: number.bigEndian) { unsafe [UInt8]($0) }
    }
}

extension Socket {
    /// The next message; `nil` at the end.
    func readFrame() -> Frame? {
        guard let header = read(exactly: 4), let bytes = read(exactly: Frame.length(header)) else { return nil }
        return Frame(bytes: bytes)
    }
}

/// What a request asks for (`org.apache.zookeeper.ZooDefs.OpCode`). The name is ZooKeeper's.
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
