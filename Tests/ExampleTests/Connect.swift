// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperTesting

/// The connect string of what `client` sees, its chroot included.
func connect(_ server: ZooKeeperServer, _ client: ZooKeeperClient) -> String {
    server.connectString + client.configuration.chroot.string
}
