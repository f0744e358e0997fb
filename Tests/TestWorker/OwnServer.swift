import Glibc
import ZooKeeperTesting

/// Starts a server, prints its port, process and directory, and waits to be killed.
enum OwnServer {
    static func run() async throws {
        try await ZooKeeperServer.withServer { server in
            print("server \(server.port) \(server.processID ?? 0) \(server.directory)")
            fflush(nil)
            try await Task.sleep(for: .seconds(3_600))
        }
    }
}
