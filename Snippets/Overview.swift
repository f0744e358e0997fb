// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

func overview() async throws {
    // snippet.overview
    let servers: ZooKeeperConfiguration = "zk1:2181,zk2:2181,zk3:2181/billing"
    try await ZooKeeperClient.withClient(servers) { client in
        try await client.createWithAncestors("/config/limits", data: "100".utf8)
        let node = try await client.get("/config/limits")
        print(String(decoding: node.data, as: UTF8.self), "version", node.stat.version)

        for try await node in client.updates(of: "/config/limits") {
            print(node.map { "now version \($0.stat.version)" } ?? "gone")
        }
    }
    // snippet.end
}
