// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ZooKeeper

/// The options by which every command finds the servers.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The servers, as host:port,host:port/chroot. Default: $ZOOKEEPER_CONNECT, or 127.0.0.1:2181.",
            valueName: "servers"))
    var connect: String?

    @Option(
        help: ArgumentHelp(
            "A file with a line digest:user:password, which nobody else may read. Default: $ZKLOCK_AUTH_FILE.",
            valueName: "file"))
    var authFile: String?

    @Option(
        help: ArgumentHelp(
            "The time to wait for the first connection. Default: 15 s; for a lock with --try, 3 s.",
            valueName: "seconds"))
    var connectTimeout: TimeSpan?

    /// The configuration of the client.
    ///
    /// - Throws: `ValidationError`.
    func configuration(connectTimeout defaultTimeout: Duration = .seconds(15)) throws -> ZooKeeperConfiguration {
        do {
            let servers = connect ?? System.variable("ZOOKEEPER_CONNECT") ?? "127.0.0.1:2181"
            var configuration = try ZooKeeperConfiguration(servers)
            configuration.connectTimeout = connectTimeout?.duration ?? defaultTimeout
            if let file = authFile ?? System.variable("ZKLOCK_AUTH_FILE") {
                configuration.credentials = try AuthFile.read(file)
            }
            try configuration.validate()
            return configuration
        } catch let error as ZooKeeperError {
            throw ValidationError(error.message ?? "\(error)")
        } catch {
            throw ValidationError("\(error)")
        }
    }

    /// The path of a lock.
    ///
    /// - Throws: `ValidationError`.
    static func path(_ text: String) throws -> ZNodePath {
        do { return try ZNodePath(text) } catch let error as ZooKeeperError {
            throw ValidationError(error.message ?? "\(error)")
        }
    }
}
