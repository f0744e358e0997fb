// SPDX-License-Identifier: Apache-2.0

import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Starts a server, prints its port, process and directory, and waits to be killed; with the argument `frozen`, the
/// server is stopped.
enum OwnServer {
    static func run(isFrozen: Bool) async throws {
        try await ZooKeeperServer.withServer { server in
            if isFrozen { server.freeze() }
            print("server \(server.port) \(server.processID ?? 0) \(server.directory)")
            fflush(nil)
            try await Task.sleep(for: .seconds(3_600))
        }
    }
}
