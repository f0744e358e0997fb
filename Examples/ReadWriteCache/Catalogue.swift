import ZooKeeper
import ZooKeeperRecipes

/// Prices, a node for each, and a node that says which edition of the catalogue they are: too much to be written at
/// once. Readers need the read lock, writers the write lock.
struct Catalogue: Sendable {
    /// The copy that a process keeps in memory.
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
    /// Written last: a follower learns of each edition when it is complete.
    let edition: ZNodePath

    init(client: ZooKeeperClient, directory: ZNodePath) throws {
        self.client = client
        self.directory = directory
        self.edition = try directory.appending("edition")
    }

    /// Creates what is missing. Any number of processes may do it at once.
    func prepare() async throws {
        let items = try Self.items.map { try directory.appending("items").appending($0) }
        for node in items[0].ancestors + items + [edition] {
            do { try await client.create(node, data: "0 0".utf8) } catch ZooKeeperError.Code.nodeExists {}
        }
    }

    /// Writes the next edition.
    ///
    /// Each step goes through only while the lock is held, by ZooKeeper's own word: a writer that is late changes
    /// nothing. One that is killed leaves two editions mixed, for a lock is no transaction: see ``read()``.
    ///
    /// - Returns: Its number.
    func write(under lease: LockLease) async throws -> Int {
        let next = try await client.get(edition).edition + 1
        for (index, item) in Self.items.enumerated() {
            let node = try directory.appending("items").appending(item)
            try await lease.transaction([SetData(node, to: "\(next) \(next * 10 + index)".utf8)])
            // Prices take their time.
            try await Task.sleep(for: .milliseconds(20))
        }
        try await lease.transaction([SetData(edition, to: "\(next) 0".utf8)])
        return next
    }

    /// Reads everything.
    ///
    /// No `sync` is needed: whoever has the lock has seen the release of the writer before it, and with it all that it
    /// wrote.
    ///No `sync` is needed: a holder of the lock has seen the release of the writer before it, and with it all that it
    /// - Returns: `nil` if two editions are mixed: a writer was killed, and the next one puts it right.
    func read(under lease: LockLease) async throws -> Copy? {
        var copy = Copy(edition: try await client.get(edition).edition, prices: [])
        var isMixed = false
        for item in Self.items {
            let node = try await client.get(directory.appending("items").appending(item))
            if node.edition != copy.edition { isMixed = true }
            copy.prices.append((item, node.price))
        }
        // After the reading: all of it was read while nobody could write. (A reader's fencing token would not tell: it
        // orders writers.)
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
