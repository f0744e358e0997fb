// SPDX-License-Identifier: Apache-2.0

// Runs a ZooKeeper server for benchmarks until its standard input ends. Prints its port, or what went wrong. Its data is in
// a temporary directory in TMPDIR; both do not outlive this program, however it ends.

import ZooKeeperTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

var configuration = ServerConfiguration()
configuration.tickTime = .seconds(2)
configuration.minimumSessionTimeout = .seconds(4)
// No snapshots, and no collection of garbage to speak of, in the middle of a run.
configuration.properties = ["snapCount": "100000000"]
configuration.maximumHeapMiB = 1_024
configuration.javaOptions = ["-Xms1024m"]
configuration.systemProperties["org.slf4j.simpleLogger.defaultLogLevel"] = "warn"
do {
    try await ZooKeeperServer.withServer(configuration) { server in
        print(server.port)
        fflush(nil)
        while readLine() != nil {}
    }
} catch {
    print(error)
    exit(1)
}
