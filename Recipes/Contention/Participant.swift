public import ZooKeeper

/// Somebody in line for a lock or an election, as everybody can see it.
public struct Participant: Sendable, Hashable {
    /// What it says of itself: by our locks the host's name and the process id, by Curator's the host's address.
    public var id: String
    /// Its node.
    public var path: ZNodePath
    /// What it wants.
    public var kind: ContenderKind
    /// Its session. `0x0` if the node is not ephemeral.
    public var session: SessionID
}

/// Who stands in line in a directory.
struct QueueReader: Sendable {
    let client: ZooKeeperClient
    let path: ZNodePath
    let dialect: LineDialect

    /// Everybody in line, in order, the first first. Two round trips: the list, then all nodes in pipelines. Whoever leaves
    /// between the two is left out.
    func participants() async throws(ZooKeeperError) -> [Participant] {
        try await read(try await names() ?? [])
    }

    /// What those with these names say of themselves.
    ///
    /// - Parameter known: Those that need not be read again.
    func read(
        _ names: [ContenderName], known: [Participant] = []
    ) async throws(ZooKeeperError) -> [Participant] {
        var found: [ZNodePath: Participant] = [:]
        for contender in known { found[contender.path] = contender }
        var rest = names.filter { found[path.child($0.name)] == nil }[...]
        while !rest.isEmpty {
            let part = rest.prefix(min(500, client.configuration.maximumRequestsUnderWay))
            rest = rest.dropFirst(part.count)
            // One after the other in order, but all under way at once.
            let session = try await client.session()
            let pendingRequests = session.submitPipeline(
                part.map { GetData(path.child($0.name)).makeRequest() }, retry: .withinRequestTimeout)
            for (contender, pending) in zip(part, pendingRequests) {
                let node = path.child(contender.name)
                switch await pending.answer() {
                case .success(let response):
                    if case .node(let value) = response.kind { found[node] = Participant(contender, node, value) }
                case .failure(let error):
                    if error.code != .noNode { throw error }
                }
            }
        }
        return names.compactMap { found[path.child($0.name)] }
    }

    /// The first in line, and a watch on its node; or `nil` and a watch that sees somebody join.
    func first() async throws(ZooKeeperError) -> (Participant?, Watch) {
        while true {
            if let first = try await names()?.first {
                do {
                    let node = try await client.getWatched(path.child(first.name))
                    return (Participant(first, path.child(first.name), node.value), node.watch)
                } catch {
                    if error.code != .noNode { throw error }
                }
                continue
            }
            let watch: Watch
            do {
                watch = try await client.childrenWatched(of: path).watch
            } catch {
                if error.code != .noNode { throw error }
                watch = try await client.existsWatched(path).watch
            }
            // Whoever came before the watch was set.
            if try await names()?.isEmpty ?? true { return (nil, watch) }
        }
    }

    /// The names in line, in order; `nil` if there is no directory.
    private func names() async throws(ZooKeeperError) -> [ContenderName]? {
        let names: [String]
        do {
            names = try await client.children(of: path).names
        } catch {
            if error.code == .noNode { return nil }
            throw error
        }
        return try parse(names)
    }

    /// Those that stand in line, in order.
    func parse(_ names: [String]) throws(ZooKeeperError) -> [ContenderName] {
        guard let contenders = dialect.contenders(among: names) else {
            throw ZooKeeperError(.refused, path: path.string, message: "the numbers of this line have run out")
        }
        return contenders.sorted { ($0.sequence, $0.name) < ($1.sequence, $1.name) }
    }
}

extension Participant {
    fileprivate init(_ name: ContenderName, _ path: ZNodePath, _ node: ZNode) {
        self.init(
            id: String(decoding: node.data, as: UTF8.self), path: path, kind: name.kind,
            session: node.stat.ephemeralOwner)
    }
}
