// SPDX-License-Identifier: Apache-2.0

// The program beside those of Curator and kazoo, in the documentation of ZooKeeperRecipes.

// snippet.program
import ZooKeeper
import ZooKeeperRecipes

let servers = CommandLine.arguments.dropFirst().first ?? "127.0.0.1:2181"
do {
    let configuration = try ZooKeeperConfiguration(servers)
    try await ZooKeeperClient.withClient(configuration) { client in
        let lock = ZooKeeperLock(
            client, at: "/locks/report", configuration: .init(id: "swift"))
        try await lock.withLock(waitingUpTo: .seconds(30)) { lease in
            print("swift holds \(lease.nodePath)")
            try await Task.sleep(for: .seconds(2))
        }
        print("swift has released it")
    }
} catch {
    print("\(error)")
}
// snippet.end
