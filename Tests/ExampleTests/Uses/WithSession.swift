// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

/// A program: a client, a session, an election; and once more in the next session.
func serve(_ connectString: String) async throws -> Int {
    var sessions = 0
    do {
        try await ZooKeeperClient.withClient(ZooKeeperConfiguration(connectString)) { client in
            while !Task.isCancelled {
                do {
                    sessions += 1
                    try await client.authenticate(.digest(user: "service", password: "secret"))
                    try await client.withSession { session in
                        try await session.create("/services/it", mode: .ephemeral)
                        let election = ZooKeeperElection(client, at: "/services/leader")
                        guard let leader = try await election.leader() else { return }
                        try await election.depose(leader)
                    }
                } catch ZooKeeperError.Code.sessionLost {
                    continue
                }
            }
        }
    } catch ZooKeeperError.Code.authenticationFailed {
        sessions = 0
    }
    return sessions
}
