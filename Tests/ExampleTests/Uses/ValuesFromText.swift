// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

/// Values made of what a user has typed.
func client(for text: String, below name: String) throws -> (ZooKeeperClient, ZNodePath)? {
    var fault = ""
    var path = ZNodePath.root
    do {
        path = try ZNodePath("/services").appending(name)
    } catch ZooKeeperError.Code.invalidPath {
        fault = "\(name) is no name"
    }
    do {
        var configuration = try ZooKeeperConfiguration(text)
        configuration.servers.append(try ServerAddress(host: "localhost"))
        return (try ZooKeeperClient(configuration), path)
    } catch ZooKeeperError.Code.invalidConfiguration, ZooKeeperError.Code.invalidPath {
        fault += "; \(text) is no connect string"
    }
    print(fault)
    return nil
}
