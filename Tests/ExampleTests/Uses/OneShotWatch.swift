// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// Waits for a change, whatever becomes of the session.
func nextChange(of path: ZNodePath, _ client: ZooKeeperClient) async throws -> WatchEvent.Kind? {
    var kind: WatchEvent.Kind?
    while kind == nil {
        do {
            let watched = try await client.existsWatched(path)
            kind = try await watched.watch.event().kind
        } catch ZooKeeperError.Code.sessionLost {
            continue
        } catch ZooKeeperError.Code.closed {
            return nil
        }
    }
    return kind
}
