// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

struct Instance {
    let client: ZooKeeperClient
    let node: ZNodePath
    let address: String

    // snippet.states
    func followStates() async {
        for await state in client.states {
            switch state {
            case .connected(let id):
                print("connected, session \(id)")
            case .suspended(_, let expiresBy):
                print("no connection; nothing is proven after \(expiresBy)")
            case .overdue:
                print("the servers may have ended the session")
            case .lost(let reason):
                print("lost: \(reason); another session follows")
            default: break
            }
        }
    }
    // snippet.end

    // snippet.register
    /// Keeps this instance registered, in one session after the other.
    func stayRegistered() async throws {
        while true {
            do {
                try await client.withSession { session in
                    // The node as it is now, then every change of it.
                    for try await found in session.updates(of: node) where found == nil {
                        try await session.createWithAncestors(
                            node, data: address.utf8, mode: .ephemeral)
                    }
                }
                return  // The client is closed, or this task is cancelled.
            } catch ZooKeeperError.Code.sessionLost {
                // The servers have deleted the node: once more, in the next session.
            }
        }
    }
    // snippet.end
}
