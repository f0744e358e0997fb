// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperTesting

/// The queue of a lock as an observing client sees it, and the rule by which a grant is judged.
///
/// The rule is written independently of the library, because the library is judged by it.
struct LockQueue: Sendable {
    struct Node: Sendable {
        var name: String
        var data: String
        var stat: ZNodeStat

        var digits: Substring { name.suffix(10) }
        var isReader: Bool { name.contains("__READ__") || name.contains("__rlock__") }
    }

    let server: ZooKeeperServer
    let client: ZooKeeperClient
    let path: ZNodePath

    /// Returns all participants, in the order of their sequence numbers.
    func nodes() async throws -> [Node] {
        var nodes: [Node] = []
        for name in try await names() {
            if let node = try await node(name) { nodes.append(node) }
        }
        return nodes.sorted { $0.digits < $1.digits }
    }

    func count() async throws -> Int { try await names().count }

    /// Returns `true` if, by the server's own list, the session of `node` watches another node of the queue, as a
    /// waiter does.
    func isWaiting(_ node: Node) async throws -> Bool {
        var isItsSession = false
        for line in try await server.ask("wchc").split(separator: "\n") {
            if line.hasPrefix("0x") {
                isItsSession = line == node.stat.ephemeralOwner.description
            } else if isItsSession, line.drop(while: \.isWhitespace).hasPrefix("\(path)/"), !line.hasSuffix(node.name) {
                return true
            }
        }
        return false
    }

    private func names() async throws -> [String] {
        do { return try await client.children(of: path).names } catch ZooKeeperError.Code.noNode { return [] }
    }

    private func node(_ name: String) async throws -> Node? {
        do {
            let node = try await client.get(path.child(name))
            return Node(name: name, data: String(decoding: node.data, as: UTF8.self), stat: node.stat)
        } catch ZooKeeperError.Code.noNode {
            return nil
        }
    }

    /// Returns the node of a contender that has been granted the lock, and the other nodes that are in its way: with
    /// any of these, it should not have been granted.
    func judge(
        _ contender: RemoteContender, _ answer: PeerProcess.Answer
    ) async throws -> (node: Node?, inTheWay: [Node]) {
        let nodes = try await nodes()
        let session = answer["session"].flatMap { UInt64($0, radix: 16) }
        let own = nodes.last { node in
            node.data == contender.name
                || session.map { node.stat.ephemeralOwner.rawValue == Int64(bitPattern: $0) } ?? false
        }
        guard let own else { return (nil, nodes) }
        let inTheWay = nodes.filter { $0.digits < own.digits && !(own.isReader && $0.isReader) }
        return (own, inTheWay)
    }
}
