// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

/// The first leader but one, and the length of the line.
func look(at election: ZooKeeperElection) async throws -> (leader: String?, length: Int) {
    var leader: String?
    var length = 0
    do {
        for try await current in election.leaders {
            guard let current else { continue }
            leader = current.path.name
            break
        }
        for try await line in election.participantUpdates {
            length = line.count
            if length > 1 { break }
        }
    } catch ZooKeeperError.Code.noAuth, ZooKeeperError.Code.closed {
        return (nil, length)
    }
    return (leader, length)
}
