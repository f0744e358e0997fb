// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

// The server: requests, events and sessions.

extension World {
    private func id(_ link: Int) -> ZooKeeperModel.ConnectionID { ZooKeeperModel.ConnectionID(link) }

    func isAlive(_ session: SessionID) -> Bool { server.sessions[session] != nil }

    // MARK: Sessions

    /// Opens a new session for a client.
    mutating func openSession(_ index: Int) {
        lastLink += 1
        for output in server.apply(.connect(id(lastLink), session: nil)) {
            if case .connected(_, let session) = output { clients[index].session = session }
        }
        clients[index].link = lastLink
        clients[index].connection = 1
        clients[index].seen = server.zxid
    }

    /// Resumes the session over a new connection, if the server lets it.
    ///
    /// - Returns: `true` if it does.
    mutating func connect(_ index: Int, reversed: Bool, lag: Int = 0) -> Bool {
        lastLink += 1
        let link = lastLink
        let outputs = server.apply(.connect(id(link), session: clients[index].session))
        guard outputs.contains(where: { if case .connected = $0 { true } else { false } }) else { return false }
        clients[index].link = link
        clients[index].oldLink = nil
        let names = Set(clients[index].watches.map(\.name)).subtracting(clients[index].stale).sorted()
        if lag > 0 {
            clients[index].behind = past[past.count - 1 - lag]
            for name in names { clients[index].lagWatches[name] = clients[index].seen }
            return true
        }
        guard !names.isEmpty else { return true }
        clients[index].watchedByServer = Set(names)
        let ordered = reversed ? names.reversed() : names
        dispatch(
            server.apply(
                .setWatches(
                    id(link), after: clients[index].seen, data: ordered.map { Self.path(of: $0) }, existence: [],
                    children: [])))
        return true
    }

    /// Loses the connection.
    ///
    /// - Parameter mayBringMore: `true` if the server still reads the requests that have been sent.
    mutating func dropLink(_ index: Int, mayBringMore: Bool) {
        if let link = clients[index].link {
            if mayBringMore {
                clients[index].oldLink = link
            } else {
                _ = server.apply(.disconnect(id(link)))
            }
        }
        clients[index].link = nil
        clients[index].watchedByServer = []
        clients[index].behind = nil
        clients[index].lagWatches = [:]
    }

    mutating func expire(_ session: SessionID) {
        dispatch(server.apply(.expire(session)))
        afterWrite()
    }

    // MARK: Requests

    /// Lets the server receive a client's next request.
    mutating func serve(_ index: Int, twice: Bool = false) {
        guard let link = clients[index].link, clients[index].executed < clients[index].sent.count else { return }
        let call = clients[index].sent[clients[index].executed]
        clients[index].executed += 1
        if isLogging { log.append("\(clients[index].letter)'s \(call.query.text) is executed") }
        if answerLagging(call, index) { return }
        if twice { execute(call.query, watch: false, id(link), xid: Self.lateXid) }
        execute(call.query, watch: call.query.action == .getData, id(link), xid: 0)
    }

    /// Executes the next request of an old connection; its answer is lost.
    mutating func executeLate(_ index: Int) {
        let query = clients[index].late.removeFirst()
        if isLogging { log.append("\(clients[index].letter)'s late \(query.text) is executed") }
        if let link = clients[index].link ?? clients[index].oldLink {
            execute(query, watch: false, id(link), xid: Self.lateXid)
        }
    }

    mutating func executeLate(abandoned index: Int) {
        let query = abandoned[index].late.removeFirst()
        if isLogging { log.append("a late \(query.text) of a session that was given up is executed") }
        if let link = abandoned[index].link { execute(query, watch: false, id(link), xid: Self.lateXid) }
    }

    /// Executes requests of a client that is not in the queue.
    mutating func operate(_ steps: [TransactionStep]) {
        lastLink += 1
        let link = id(lastLink)
        _ = server.apply(.connect(link, session: nil))
        dispatch(
            server.apply(
                .request(link, xid: Self.lateXid, Request(.transaction(steps)).rooted(at: .root), watch: false)))
        if let session = server.sessions.first(where: { $0.value == link })?.key {
            dispatch(server.apply(.expire(session)))
        }
        afterWrite()
    }

    mutating func reap() {
        dispatch(server.apply(.reap(Self.directory)))
    }

    /// Lets the server throttle a client's next request, which it does not execute.
    mutating func throttle(_ index: Int) {
        clients[index].executed += 1
        clients[index].inbox.append(.answer(.throttled, clients[index].seen))
    }

    /// Sets the permissions of the directory.
    mutating func allow(_ permissions: AccessControl.Permissions) {
        lastLink += 1
        let link = id(lastLink)
        _ = server.apply(.connect(link, session: nil))
        let entries = AccessControl([AccessControl.Entry(permissions, for: .anyone)])
        dispatch(
            server.apply(
                .request(
                    link, xid: Self.lateXid,
                    Self.request(Self.directory, .setAccessControl(entries, version: -1)), watch: false)))
        if let session = server.sessions.first(where: { $0.value == link })?.key {
            dispatch(server.apply(.expire(session)))
        }
    }

    /// `true` if no client may delete in the directory.
    var isDenied: Bool {
        scenario.isDenied
            && server.tree.nodes[Self.directory]?.accessControl.contains { $0.permissions.contains(.delete) } == false
    }

    private mutating func execute(
        _ query: Query, watch: Bool, _ link: ZooKeeperModel.ConnectionID, xid: Int32
    ) {
        dispatch(server.apply(.request(link, xid: xid, query.request, watch: watch)))
        if query.isWrite { afterWrite() }
    }

    // MARK: Messages

    mutating func dispatch(_ outputs: [ZooKeeperModel.Output]) {
        for output in outputs {
            guard let index = clients.firstIndex(where: { $0.link == output.connection.number }) else { continue }
            switch output {
            case .connected, .expired: break
            case .reply(_, ZooKeeperModel.setWatchesXid, let zxid, _): clients[index].inbox.append(.watchesSet(zxid))
            case .reply(_, Self.lateXid, _, _): break
            case .reply(_, _, let zxid, let result):
                let call = clients[index].sent[clients[index].executed - 1]
                let answer = answer(result, to: call.query)
                if answer.isNode { clients[index].watchedByServer.insert(call.query.name) }
                clients[index].inbox.append(.answer(answer, zxid))
            case .event(_, let kind, let path):
                let name = Self.name(of: path)
                clients[index].watchedByServer.remove(name)
                clients[index].inbox.append(.event(name, isGone: kind == .deleted))
            case .closed: clients[index].inbox.append(.closed)
            }
        }
    }

    /// Notes the contenders that are first now.
    private mutating func afterWrite() {
        noteFirst()
        notePast()
    }

    /// - Parameter gone: A node that does not count.
    mutating func noteFirst(without gone: String? = nil) {
        let queue = queue.filter { $0.name != gone }
        for entry in queue {
            for slot in clients[entry.client].actors.indices {
                guard let actor = clients[entry.client].actors[slot], let guid = actor.guid,
                    entry.name.hasPrefix("_c_\(guid)-"), !actor.wereFirst.contains(entry.name)
                else { continue }
                if !queue.contains(where: { isInTheWay($0, of: entry, actor) }) {
                    clients[entry.client].actors[slot]?.wereFirst.insert(entry.name)
                }
            }
        }
    }

    private func isInTheWay(_ other: QueueEntry, of entry: QueueEntry, _ actor: Actor) -> Bool {
        if other.sequence >= entry.sequence || other.name == actor.companion { return false }
        if let guid = actor.guid, other.name.hasPrefix("_c_\(guid)-") { return false }
        return actor.policy == .exclusive || !other.isReader
    }
}
