// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

/// A catalogue of prices: a node for each price, and a node with the number of the edition, which are not written in
/// one transaction. Reading needs the read lock, writing needs the write lock.
struct Catalogue: Sendable {
    /// The copy of one edition that a process keeps in memory.
    struct Copy: Sendable, CustomStringConvertible {
        var edition: Int
        var prices: [(item: String, price: Int)]

        var description: String {
            "edition \(edition): " + prices.map { "\($0.item) \($0.price)" }.joined(separator: ", ")
        }
    }

    private static let items = ["apples", "bread", "cheese", "dates", "eggs"]

    let client: ZooKeeperClient
    let directory: ZNodePath
    /// The node with the number of the edition. It is written last, so a watch of it fires when an edition is complete.
    let edition: ZNodePath

    init(client: ZooKeeperClient, directory: ZNodePath) throws {
        self.client = client
        self.directory = directory
        self.edition = try directory.appending("edition")
    }

    /// Creates the nodes that do not exist. Any number of processes may do that at once.
    func prepare() async throws {
        let items = try Self.items.map { try directory.appending("items").appending($0) }
        for node in items[0].ancestors + items + [edition] {
            do { try await client.create(node, data: "0 0".utf8) } catch ZooKeeperError.Code.nodeExists {}
        }
    }

    /// Writes the next edition.
    ///
    /// Each step is a transaction that succeeds only while the lock is held, so a late writer changes nothing. One that
    /// is killed leaves two editions mixed, since a lock is not a transaction: see ``read(under:)``.
    ///
    /// - Returns: The number of the edition.
    func write(under lease: LockLease) async throws -> Int {
        let next = try await client.get(edition).edition + 1
        for (index, item) in Self.items.enumerated() {
            let node = try directory.appending("items").appending(item)
            try await lease.transaction([SetData(node, to: "\(next) \(next * 10 + index)".utf8)])
            // Stands for work that takes some time.
            try await Task.sleep(for: .milliseconds(20))
        }
        try await lease.transaction([SetData(edition, to: "\(next) 0".utf8)])
        return next
    }

    /// Reads the whole catalogue.
    ///
    /// No `sync` is needed: the holder of the lock has seen the release of the writer before it, and with it all its
    /// writes.
    ///
    /// - Returns: The copy; `nil` if two editions are mixed, because a writer was killed. The next edition repairs
    ///   that.
    func read(under lease: LockLease) async throws -> Copy? {
        var copy = Copy(edition: try await client.get(edition).edition, prices: [])
        var isMixed = false
        for item in Self.items {
            let node = try await client.get(directory.appending("items").appending(item))
            if node.edition != copy.edition { isMixed = true }
            copy.prices.append((item, node.price))
        }
        // After reading: everything was read while no process could write. (A reader's fencing token does not show
        // that: it orders writers.)
        try lease.checkHeld()
        return isMixed ? nil : copy
    }
}

extension ZNode {
    private func number(at index: Int) -> Int {
        let words = String(decoding: data, as: UTF8.self).split(separator: " ")
        return words.count > index ? Int(words[index]) ?? 0 : 0
    }

    fileprivate var edition: Int { number(at: 0) }
    fileprivate var price: Int { number(at: 1) }
}
