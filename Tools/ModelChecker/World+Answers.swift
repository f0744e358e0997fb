// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

// Requests of those that are not in the queue. And the server's answers as the clients get them: of the numbers that only grow, nothing but the czxid counts, and a token
// stands for that. So worlds stay equal that differ only in the number of transactions.

extension World {
    static func request(_ path: String, _ action: Action<TransactionStep>) -> ServerRequest {
        Request(ZNodePath(unchecked: path), action).rooted(at: .root)
    }

    static func step(_ name: String, _ action: TransactionStep.Action) -> TransactionStep {
        TransactionStep(directoryPath.child(name), action)
    }

    // MARK: Answers

    func answer(_ result: Result<ServerResponse, ResultFailure>, to query: Query) -> Answer {
        switch result {
        case .failure(let failure):
            let error = failure.code.error
            return .failure(.init(error.code, error.execution))
        case .success(let response): return .success(normalized(response.relative(to: .root), query))
        }
    }

    private func normalized(_ response: Response.Kind, _ query: Query) -> Response.Kind {
        switch response {
        case .created(let path, .some): .created(path: path, stat: stat(path.name))
        case .node: .node(node(query.name))
        case .stat: .stat(stat(query.name))
        case .children(let names, _): .children(names, stat(""))
        case .transaction(let steps): .transaction(steps.map { normalized($0, query) })
        default: response
        }
    }

    func node(_ name: String) -> ZNode { ZNode(data: [], stat: stat(name)) }

    func stat(_ name: String) -> ZNodeStat {
        let none = Zxid(rawValue: 0)
        return ZNodeStat(
            czxid: token(of: name), mzxid: none, pzxid: none, ctime: 0, mtime: 0, version: 0, cversion: 0, aversion: 0,
            ephemeralOwner: SessionID(rawValue: 0), dataLength: 0, numChildren: 0)
    }
}
