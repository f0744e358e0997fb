// SPDX-License-Identifier: Apache-2.0

import FaultyResolver
import ZooKeeper

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reads `/` all the time and prints when the result changes: `CONNECT`.
///
/// Prints `lookups <number>` once, after 300 reads, and `ok <generation of the session>` or `error <code> <message>`.
/// Names are resolved as the environment variable FAULTY_RESOLVER says.
enum Names {
    static func run(_ arguments: [String]) async throws {
        var configuration = try ZooKeeperConfiguration(arguments[0])
        configuration.sessionTimeout = .seconds(3)
        configuration.connectTimeout = .seconds(2)
        try await ZooKeeperClient.withClient(configuration) { client in
            var last = ""
            var reads = 0
            while true {
                let now: String
                do {
                    _ = try await client.exists("/")
                    reads += 1
                    if reads == 300 {
                        print("lookups \(faulty_resolver_calls())")
                        fflush(nil)
                    }
                    now = "ok \(try await client.withSession { $0.generation })"
                } catch let error as ZooKeeperError {
                    now = "error \(error.code) \(error.message ?? "")"
                }
                if now != last {
                    print(now)
                    fflush(nil)
                }
                last = now
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }
}
