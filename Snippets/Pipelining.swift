// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

func pipelines(_ client: ZooKeeperClient) async throws {
    // snippet.pipeline
    let (synced, limits, servers) = await client.pipeline(
        Sync("/"), GetData("/config/limits"), GetChildren("/services/mail"))
    try synced.get()
    let node = try limits.get()
    print(node.data.count, "bytes;", try servers.get().names)
    // snippet.end

    // snippet.list
    let paths: [ZNodePath] = ["/a", "/b", "/c"]
    for (path, result) in zip(paths, await client.pipeline(paths.map { GetData($0) })) {
        switch result {
        case .success(let node): print(path, node.stat.version)
        case .failure(let error): print(path, error)
        }
    }
    // snippet.end
}

func transactions(_ client: ZooKeeperClient) async throws {
    // snippet.transaction
    do {
        let (job, counter) = try await client.transaction(
            Create("/jobs/job-", data: "resize".utf8, mode: .persistentSequential),
            SetData("/jobs/count", to: "8".utf8, ifVersion: 7))
        print("created \(job.path), counter at version \(counter.version)")
    } catch ZooKeeperError.Code.badVersion {
        print("the counter has changed; nothing was executed")
    }
    // snippet.end

    // snippet.update
    try await client.update("/jobs/count") { old in
        let count = Int(String(decoding: old.data, as: UTF8.self)) ?? 0
        return Array("\(count + 1)".utf8)
    }
    // snippet.end
}

func concurrent(_ client: ZooKeeperClient) async throws {
    // snippet.concurrent
    async let limits = client.get("/config/limits")
    async let servers = client.children(of: "/services/mail")
    print(try await limits.data.count, try await servers.names.count)
    // snippet.end
}
