// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

func operating(id: String, password: String) throws {
    // snippet.configuration
    var configuration: ZooKeeperConfiguration = "zk1:2181,zk2:2181,zk3:2181/billing"
    configuration.sessionTimeout = .seconds(10)  // the default
    configuration.connectTimeout = .seconds(15)  // the default
    configuration.credentials = [.digest(user: "billing", password: password)]
    // snippet.end

    // snippet.path
    // A literal traps if it is not valid.
    let jobs: ZNodePath = "/jobs"
    // Text with a variable in it throws invalidPath.
    let job = try ZNodePath("/jobs/\(id)")
    // The same, and a "/" in `id` is refused too.
    let safe = try jobs.appending(id)
    // snippet.end
    print(job, safe)

    // snippet.tunnel
    let tunnelled: ZooKeeperConfiguration =
        "127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183/billing"
    // snippet.end
    print(configuration.servers, tunnelled.servers)
}
