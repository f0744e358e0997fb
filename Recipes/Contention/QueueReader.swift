// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// Reads the participants of a directory.
struct QueueReader: Sendable {
    let client: ZooKeeperClient
    let path: ZNodePath
    let dialect: LineDialect

    /// Reads all participants, in order, the first first. Two round trips: the list, then all nodes in pipelines. One
    /// that leaves between the two is left out.
    ///
    /// - Parameter file: The caller's, as `line` is.
    func participants(_ file: String, _ line: Int) async throws(ZooKeeperError) -> [Participant] {
        do { return try await read(try await names() ?? []) } catch { throw error.at(file: file, line: line) }
    }

    /// Reads the nodes with these names.
    ///
    /// - Parameter known: Those that need not be read again.
    private func read(
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
                part.map { GetData(path.child($0.name)).makeRequest() }, retry: .withinRequestTimeout,
                tracedBelow: .currentTask)
            for (contender, pending) in zip(part, pendingRequests) {
                let node = path.child(contender.name)
                switch await pending.answer() {
                case .success(let response):
                    if case .node(let value) = response.kind { found[node] = Participant(contender, node, value) }
                case .failure(let error):
                    switch error.code {
                    case .noNode: break
                    // Only its place is known.
                    case .noAuth: found[node] = Participant(contender, node, nil)
                    default: throw error
                    }
                }
            }
        }
        return names.compactMap { found[path.child($0.name)] }
    }

    /// Reads the first participant, with a watch on its node; or `nil`, with a watch that sees another join.
    func first() async throws(ZooKeeperError) -> (Participant?, Watch) {
        while true {
            if let first = try await names()?.first {
                let node = path.child(first.name)
                do {
                    let read = try await client.send(GetData(node).watched)
                    return (Participant(first, node, read.value), read.watch)
                } catch {
                    switch error.code {
                    case .noNode: continue
                    case .noAuth: break
                    default: throw error
                    }
                }
                // Servers tell no watcher of a node that it may not read (CVE-2024-23944); of the directory they do.
                let (children, watch) = try await client.readWatched(GetChildren(path), at: path)
                if try parse(children?.names ?? []).first == first { return (Participant(first, node, nil), watch) }
                continue
            }
            let (children, watch) = try await client.readWatched(GetChildren(path), at: path)
            if try parse(children?.names ?? []).isEmpty { return (nil, watch) }
        }
    }

    /// The names in the queue, in order; `nil` if there is no directory.
    private func names() async throws(ZooKeeperError) -> [ContenderName]? {
        let names: [String]
        do {
            names = try await client.send(GetChildren(path)).names
        } catch {
            if error.code == .noNode { return nil }
            throw error
        }
        return try parse(names)
    }

    /// All participants, and a watch that sees the next change of the queue.
    ///
    /// - Parameter known: Participants that need not be read again.
    func participantsWatched(known: [Participant]) async throws(ZooKeeperError) -> ([Participant], Watch) {
        let (children, watch) = try await client.readWatched(GetChildren(path), at: path)
        return (try await read(try parse(children?.names ?? []), known: known), watch)
    }

    /// The contenders among the children, in order.
    private func parse(_ names: [String]) throws(ZooKeeperError) -> [ContenderName] {
        guard let contenders = dialect.contenders(among: names) else {
            throw ZooKeeperError(
                .refused, path: path.string, message: "the sequence numbers of this directory are exhausted")
        }
        return contenders.sorted { ($0.sequence, $0.name) < ($1.sequence, $1.name) }
    }
}
