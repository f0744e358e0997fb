// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes
import zklock

/// Queues made by hand.
enum Sample {
    static let guid = WindowNameTests.guid
    static let hex = WindowNameTests.hex
    /// 2026-11-29T03:04:10Z.
    static let now: Int64 = 1_795_921_450_000

    /// A node of the session `0x10`, that is so many seconds old.
    static func node(
        _ id: String = "web-7:4711", age: Int64 = 250, session: Int64 = 0x10, czxid: Int64 = 0x20, version: Int32 = 0,
        children: Int32 = 0
    ) -> NodeContent {
        NodeContent(stat: stat(age, session, czxid, version, children), data: Array(id.utf8))
    }

    /// One whose data may not be read.
    static func hiddenNode(age: Int64 = 250) -> NodeContent { NodeContent(stat: stat(age, 0x10, 0x20, 0, 0)) }

    static func view(_ nodes: [(String, NodeContent)], others: [String] = []) -> QueueView {
        let path: ZNodePath = "/locks/nightly"
        var contents: [ZNodePath: NodeContent] = [:]
        for (name, node) in nodes { contents[path.child(name)] = node }
        return QueueView(path, children: ChildGroups(nodes.map(\.0) + others), nodes: contents)
    }

    static func mutex(_ number: Int) -> String { "_c_\(guid)-lock-\(digits(number))" }
    static func go(_ number: Int) -> String { "_c_\(hex)-lock-\(digits(number))" }
    static func latch(_ number: Int) -> String { "_c_\(guid)-latch-\(digits(number))" }
    static func writer(_ number: Int) -> String { "_c_\(guid)-__WRIT__\(digits(number))" }
    static func reader(_ number: Int) -> String { "_c_\(guid)-__READ__\(digits(number))" }
    static func kazoo(_ number: Int) -> String { "\(hex)__lock__\(digits(number))" }
    static func kazooReader(_ number: Int) -> String { "\(hex)__rlock__\(digits(number))" }

    private static func digits(_ number: Int) -> String {
        let text = "\(number)"
        return String(repeating: "0", count: 10 - text.count) + text
    }

    private static func stat(
        _ age: Int64, _ session: Int64, _ czxid: Int64, _ version: Int32, _ children: Int32
    ) -> ZNodeStat {
        ZNodeStat(
            czxid: Zxid(rawValue: czxid), mzxid: Zxid(rawValue: czxid), pzxid: Zxid(rawValue: czxid),
            ctime: now - age * 1_000, mtime: now - age * 1_000, version: version, cversion: 0, aversion: 0,
            ephemeralOwner: SessionID(rawValue: session), dataLength: 0, numChildren: children)
    }
}
