// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes
import ZooKeeperTesting

// A server that lags behind the others: it answers reads from a former state, until the client syncs or writes through
// it, or it catches up by itself.

extension World {
    /// The number of states of the queue that are kept.
    private static let depth = 3

    mutating func notePast() {
        guard scenario.faults.contains(.lag) || scenario.faults.contains(.move),
            let directory = server.tree.nodes[Self.directory]
        else { return }
        let names = directory.children.sorted()
        guard let last = past.last, last.names != names else {
            if past.isEmpty { past.append(Past(names: names, zxid: server.zxid)) }
            return
        }
        departed += last.names.filter { !names.contains($0) }
        past.append(Past(names: names, zxid: server.zxid))
        if past.count > Self.depth { past.removeFirst() }
    }

    /// The numbers of states that the next server of a client may lag behind: never behind the zxid that the client
    /// has seen.
    func lags(of client: Client) -> [Int] {
        guard scenario.faults.contains(.lag) else { return [] }
        return past.indices.dropLast().filter { past[$0 + 1].zxid > client.seen }.map { past.count - 1 - $0 }
    }

    /// Lets the server answer from its former state.
    ///
    /// - Returns: `true` if it has.
    mutating func answerLagging(_ call: Call, _ index: Int) -> Bool {
        guard let behind = clients[index].behind else { return false }
        let zxid = max(behind.zxid, clients[index].seen)
        let answer: Answer
        let name = call.query.name
        switch call.query.action {
        case .getChildren: answer = .success(.children(ChildNames(behind.names), stat("")))
        case .getData, .exists:
            if behind.names.contains(name) {
                let isRead = call.query.action == .getData
                answer = .success(isRead ? .node(node(name)) : .stat(stat(name)))
                if isRead { clients[index].lagWatches[name] = zxid }
            } else {
                answer = .failure(.init(.noNode, .refused))
            }
        default:
            // A write or a sync is answered when this server has all transactions before it.
            catchUp(index)
            return false
        }
        if isLogging { log.append("    by a server that lags behind: [\(behind.names.joined(separator: " "))]") }
        clients[index].inbox.append(.answer(answer, zxid))
        return true
    }

    private func departure(_ name: String) -> (Int, String) { (departed.firstIndex(of: name) ?? departed.count, name) }

    mutating func catchUp(_ index: Int) {
        guard let link = clients[index].link, clients[index].behind != nil else { return }
        clients[index].behind = nil
        // It executes the transactions in their order, and its watches fire in that order.
        let watches = clients[index].lagWatches.sorted { departure($0.key) < departure($1.key) }
        clients[index].lagWatches = [:]
        for (name, seen) in watches {
            clients[index].watchedByServer.insert(name)
            let outputs = server.apply(
                .setWatches(
                    ZooKeeperModel.ConnectionID(link), after: seen, data: [Self.path(of: name)], existence: [],
                    children: []))
            dispatch(
                outputs.filter { output in
                    if case .reply(_, ZooKeeperModel.setWatchesXid, _, _) = output { return false }
                    return true
                })
        }
    }
}
