// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

func follow(_ client: ZooKeeperClient) async throws {
    // snippet.node
    for try await node in client.updates(of: "/config/limits") {
        guard let node else {
            print("no limits are set")
            continue
        }
        let text = String(decoding: node.data, as: UTF8.self)
        print("limits, version \(node.stat.version): \(text)")
    }
    // snippet.end

    // snippet.children
    for try await children in client.childrenUpdates(of: "/services/mail") {
        guard children != nil else { continue }  // The node itself is gone.
        for (name, node) in try await client.childrenWithData(of: "/services/mail") {
            print(name, String(decoding: node.data, as: UTF8.self))
        }
    }
    // snippet.end
}

func waitOnce(_ client: ZooKeeperClient) async throws {
    // snippet.once
    let flag = try await client.existsWatched("/maintenance")
    if flag.value != nil {
        let event = try await flag.watch.event()
        print("/maintenance: \(event.kind)")
    }
    // snippet.end
}
