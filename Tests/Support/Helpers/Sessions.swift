// SPDX-License-Identifier: Apache-2.0

public import ZooKeeper

extension ZooKeeperSession {
    public var isConnected: Bool {
        if case .connected = state { return true }
        return false
    }
}
