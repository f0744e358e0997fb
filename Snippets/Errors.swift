// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

func errors(_ client: ZooKeeperClient) async throws {
    // snippet.catch
    do {
        try await client.delete("/jobs/7", ifVersion: 3)
    } catch ZooKeeperError.Code.noNode {
        print("it is gone already")
    } catch ZooKeeperError.Code.badVersion {
        print("it has changed since it was read")
    }
    // snippet.end

    // snippet.ordinary
    let deleted = try await client.deleteIfExists("/jobs/7")
    let node = try await client.getIfExists("/config/limits")
    let created = try await client.createIfMissing("/jobs")
    // snippet.end
    print(deleted, node as Any, created as Any)

    // snippet.unknown
    let mine = Array("from host 4".utf8)
    do {
        try await client.create("/jobs/7", data: mine)
    } catch let error as ZooKeeperError where error.execution == .unknown {
        // Sent, and no answer came: look before it is written again.
        guard let node = try await client.getIfExists("/jobs/7") else { throw error }
        if node.data != mine { print("another client has created it") }
    }
    // snippet.end

    // snippet.limit
    do {
        let flags = try await client.within(.milliseconds(200)).get("/flags")
        print(flags.data)
    } catch ZooKeeperError.Code.timedOut {
        print("going on with the flags of yesterday")
    }
    // snippet.end
}
