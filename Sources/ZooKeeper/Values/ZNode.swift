// SPDX-License-Identifier: Apache-2.0

/// The data of a znode and what the server knows about it.
public struct ZNode: Sendable, Hashable {
    /// The node's bytes. Empty for a node whose data is null: the two are not told apart.
    public var data: [UInt8]
    /// The node's metadata at the moment of the read.
    public var stat: ZNodeStat

    /// A node with the given content, for tests of code that takes one.
    public init(data: [UInt8], stat: ZNodeStat) {
        self.data = data
        self.stat = stat
    }
}

/// A node that has just been created.
public struct CreatedZNode: Sendable, Hashable {
    /// The path; for a sequential node, with the digits the server added.
    public var path: ZNodePath
    /// Its metadata. `nil` only in a transaction: the server does not send it there.
    public var stat: ZNodeStat?

    package init(path: ZNodePath, stat: ZNodeStat?) {
        self.path = path
        self.stat = stat
    }
}

/// The stat of a znode. The names are ZooKeeper's own.
public struct ZNodeStat: Sendable, Hashable {
    /// The transaction that created the node.
    public var czxid: Zxid
    /// The transaction that last changed its data.
    public var mzxid: Zxid
    /// The transaction that last created or deleted a child.
    public var pzxid: Zxid
    /// The time of the node's creation, in milliseconds since 1970, by the leader's clock.
    public var ctime: Int64
    /// The time of the last change of its data, in milliseconds since 1970, by the leader's clock.
    public var mtime: Int64
    /// The number of changes of its data.
    public var version: Int32
    /// The number of changes of its children: creations and deletions.
    public var cversion: Int32
    /// The number of changes of its access control.
    public var aversion: Int32
    /// The session that owns an ephemeral node. Zero for others.
    public var ephemeralOwner: SessionID
    /// The length of its data in bytes.
    public var dataLength: Int32
    /// The number of its children.
    public var numChildren: Int32

    package init(
        czxid: Zxid,
        mzxid: Zxid,
        pzxid: Zxid,
        ctime: Int64,
        mtime: Int64,
        version: Int32,
        cversion: Int32,
        aversion: Int32,
        ephemeralOwner: SessionID,
        dataLength: Int32,
        numChildren: Int32
    ) {
        self.czxid = czxid
        self.mzxid = mzxid
        self.pzxid = pzxid
        self.ctime = ctime
        self.mtime = mtime
        self.version = version
        self.cversion = cversion
        self.aversion = aversion
        self.ephemeralOwner = ephemeralOwner
        self.dataLength = dataLength
        self.numChildren = numChildren
    }
}

/// The number of a transaction of the ensemble. Later transactions have higher numbers, over restarts and changes of
/// leader too: the upper half counts the leaders.
public struct Zxid: Sendable, Hashable, Comparable, RawRepresentable, CustomStringConvertible {
    public let rawValue: Int64

    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// Orders by the time of commit.
    public static func < (left: Zxid, right: Zxid) -> Bool { left.rawValue < right.rawValue }

    /// As ZooKeeper's tools write it, for example `0x500000003`.
    public var description: String { "0x" + String(UInt64(bitPattern: rawValue), radix: 16) }
}

/// The id the ensemble gave a session.
public struct SessionID: Sendable, Hashable, RawRepresentable, CustomStringConvertible {
    public let rawValue: Int64

    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// As ZooKeeper's tools write it, for example `0x100000ab1230001`.
    public var description: String { "0x" + String(UInt64(bitPattern: rawValue), radix: 16) }
}
