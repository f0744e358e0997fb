// SPDX-License-Identifier: Apache-2.0

#if ServiceLifecycle
import ArgumentParser
import Logging
import ServiceLifecycle
import SystemPackage
import UnixSignals
import ZooKeeper

/// An instance of a service that registers itself and watches the other instances.
///
///     swift run ServiceRegistry --name web-1 --address 10.0.0.1:8080
@main struct ServiceRegistry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ServiceRegistry",
        abstract: "Registers an instance of a service, and prints which instances appear and disappear.",
        discussion: """
            Without --name it only watches. Exit status: 0 after SIGTERM or SIGINT, 1 if it has no permission to register or \
            to watch, 64 for bad arguments.
            """)

    @Option(help: "The servers, as host:port,host:port/chroot.")
    var connect = "127.0.0.1:2181"

    @Option(help: "The node of the service, whose children are its instances.")
    var service = "/examples/service-registry"

    @Option(help: "The name of this instance.")
    var name: String?

    @Option(help: "The address of this instance.")
    var address = "127.0.0.1:8080"

    @Option(
        help:
            "The session time-out in seconds, within the limits of the servers: the time after which a dead instance disappears."
    )
    var sessionTimeout = 6.0

    func validate() throws {
        guard sessionTimeout > 0 else { throw ValidationError("--session-timeout must be positive") }
        do { _ = (try clientConfiguration, try instance) } catch { throw ValidationError("\(error)") }
    }

    func run() async throws {
        let logger = Logger(label: "service-registry")
        let client = try ZooKeeperClient(clientConfiguration, logger: logger)
        let directory = try ZNodePath(service)
        var services: [any Service] = [client, InstanceWatcher(client: client, directory: directory)]
        if let instance = try instance {
            services.append(Registration(client: client, instance: instance, address: address))
        }
        // On SIGTERM the client closes its session, which deletes the node at once.
        try await ServiceGroup(services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger).run()
        printLine("ended")
    }

    private var clientConfiguration: ZooKeeperConfiguration {
        get throws {
            var configuration = try ZooKeeperConfiguration(connect)
            configuration.sessionTimeout = .seconds(sessionTimeout)
            return configuration
        }
    }

    private var instance: ZNodePath? {
        get throws {
            let directory = try ZNodePath(service)
            return try name.map { try directory.appending($0) }
        }
    }
}

/// Writes a line at once, also into a pipe, where `print` would buffer it.
func printLine(_ line: String) { _ = try? FileDescriptor.standardOutput.writeAll("\(line)\n".utf8) }
#else
/// The program without the trait ServiceLifecycle, which it needs.
@main enum ServiceRegistry {
    static func main() { fatalError("build this example with the trait ServiceLifecycle") }
}
#endif
