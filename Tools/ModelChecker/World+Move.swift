// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

// A session that goes on through a new handle of the C client: which has seen no transaction, so that its server may lag
// behind all that the client has seen, and which has none of the watches. Nothing normal goes out before a sync has been
// answered and the watches are set again, by reads.

extension World {
    /// The numbers of states that the server of a new handle may lag behind.
    func lagsOfMove() -> [Int] { Array(0..<max(1, past.count)) }

    /// Connects the client by a new handle.
    ///
    /// - Parameters:
    ///   - lag: The number of states that its server lags behind.
    ///   - reversed: Sets the watches again in the other order.
    mutating func move(_ index: Int, lag: Int, reversed: Bool) {
        // What an earlier move has not finished, this one begins anew.
        for queue in [\Client.urgent, \Client.again] {
            clients[index][keyPath: queue].removeAll { $0[0].isOfMove }
        }
        clients[index].seen = Zxid(rawValue: 0)
        clients[index].stale = Set(clients[index].watches.map(\.name))
        clients[index].catchUp = Client.CatchUp(isSynced: false, isReversed: reversed)
        reconnect(index, lag: lag)
    }

    /// The calls with which a connection begins while the client catches up.
    func beginningOfCatchUp(_ client: Client) -> [Call] {
        guard let catchUp = client.catchUp, !catchUp.isSynced else { return [] }
        return [Call(Sync(Self.directoryPath).makeRequest(), .catchUp, isUrgent: true)]
    }

    /// The sync has been answered.
    mutating func caughtUp(_ answer: Answer, _ index: Int) {
        guard clients[index].catchUp?.isSynced == false else { return }
        switch answer {
        case .success: break
        case .failure(let failure) where failure.code == .throttled:
            clients[index].sent += beginningOfCatchUp(clients[index])
            return
        // The next connection begins with another.
        case .failure: return
        }
        clients[index].catchUp?.isSynced = true
        let names = clients[index].stale.sorted()
        let ordered = clients[index].catchUp?.isReversed == true ? names.reversed() : names
        clients[index].sent += ordered.map { name in
            Call(
                GetData(Self.directoryPath.child(name)).makeRequest(), .renewal, staysUntilSessionEnds: true,
                isUrgent: true)
        }
        endCatchUp(index)
    }

    /// A read that sets a watch again has been answered.
    mutating func renewed(_ call: Call, _ answer: Answer, _ index: Int) {
        let name = call.query.name
        if case .failure(let failure) = answer {
            switch failure.code {
            case .throttled: return clients[index].sent.append(call)
            case .noNode:
                if isLogging { log.append("\(clients[index].letter) finds that \(name) is gone") }
                let fired = clients[index].watches.filter { $0.name == name }
                clients[index].watches.removeAll { $0.name == name }
                for watch in fired { fire(watch, isGone: true, index) }
            default: return
            }
        }
        clients[index].stale.remove(name)
        endCatchUp(index)
    }

    /// Sends what has waited, if all watches are set again.
    private mutating func endCatchUp(_ index: Int) {
        guard clients[index].catchUp?.isSynced == true, clients[index].stale.isEmpty else { return }
        clients[index].catchUp = nil
        let held = clients[index].again + clients[index].waiting
        clients[index].again = []
        clients[index].waiting = []
        clients[index].sent += held.joined()
    }
}

extension Call {
    /// `true` if it is the session's own, of a move.
    var isOfMove: Bool { purpose == .catchUp || purpose == .renewal }
}
