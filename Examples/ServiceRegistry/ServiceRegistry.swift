#if ServiceLifecycle
import ArgumentParser
import Logging
import ServiceLifecycle
import SystemPackage
import UnixSignals
import ZooKeeper

/// An instance of a service that registers itself and sees the others come and go.
///
///     swift run ServiceRegistry --name web-1 --address 10.0.0.1:8080
@main struct ServiceRegistry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ServiceRegistry",
        abstract: "Registers an instance of a service, and says which others come and go.",
        discussion: """
            Without --name it only looks. Ends with SIGTERM or SIGINT, and status 0. Status 1: it may not register or \
            look. 64: bad arguments.
            """)

    @Option(help: "The servers, as host:port,host:port/chroot.")
    var connect = "127.0.0.1:2181"

    @Option(help: "The node below which the instances are.")
    var service = "/examples/service-registry"

    @Option(help: "The name of this instance.")
    var name: String?

    @Option(help: "Where this instance can be reached.")
    var address = "127.0.0.1:8080"

    @Option(
        help:
            "After how much silence of this process the others take it for gone, in seconds, as far as the servers allow."
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
        // On SIGTERM the client closes its session, and with it the node goes at once.
        try await ServiceGroup(services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger).run()
        say("ended")
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

/// Writes a line at once, also into a pipe, where `print` would collect.
func say(_ line: String) { _ = try? FileDescriptor.standardOutput.writeAll("\(line)\n".utf8) }
#else
/// Without the trait there are no services.
@main enum ServiceRegistry {
    static func main() { fatalError("to be built with the trait ServiceLifecycle") }
}
#endif
