// SPDX-License-Identifier: Apache-2.0

// A whole service that works while it leads, in the documentation of ZooKeeperRecipes.

#if ServiceLifecycle
// snippet.program
import Logging
import ServiceLifecycle
import UnixSignals
import ZooKeeper
import ZooKeeperRecipes

let logger = Logger(label: "scheduler")
do {
    let client = try ZooKeeperClient("127.0.0.1:2181", logger: logger)
    let election = ZooKeeperElection(client, at: "/elections/scheduler")
    let scheduler = LeaderService(election) { lease in
        logger.info("Leading with token \(lease.fencingToken)")
        while true {
            try lease.checkHeld()
            // The next job. Its writes carry the token.
            try await Task.sleep(for: .seconds(1))
        }
    }
    // Services shut down in reverse order: the scheduler resigns first,
    // then the client closes its session.
    let group = ServiceGroup(
        services: [client, scheduler], gracefulShutdownSignals: [.sigterm],
        logger: logger)
    try await group.run()
} catch {
    logger.critical("\(error)")
}
// snippet.end
#endif
