#if ServiceLifecycle
import ArgumentParser
import Logging
import ServiceLifecycle
import SystemPackage
import UnixSignals
import ZooKeeper
import ZooKeeperRecipes

/// A service that works only while it leads. Start it several times: one works, the others stand by.
///
///     swift run LeaderElectedWorker --name alpha
@main struct LeaderElectedWorker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "LeaderElectedWorker",
        abstract: "A service that works only while it leads.",
        discussion: """
            Ends with SIGTERM or SIGINT, and status 0. Status 1: it may not look at the election. 64: bad arguments.
            """)

    @Option(help: "The servers, as host:port,host:port/chroot.")
    var connect = "127.0.0.1:2181"

    @Option(help: "Where the candidates stand.")
    var election = "/examples/leader-elected-worker"

    @Option(help: "By what the others know this one. Default: host name and process id.")
    var name: String?

    @Option(
        help: "After how much silence of this process the next one leads, in seconds, as far as the servers allow it.")
    var sessionTimeout = 6.0

    func validate() throws {
        guard sessionTimeout > 0 else { throw ValidationError("--session-timeout must be positive") }
        do { _ = (try clientConfiguration, try ZNodePath(election)) } catch { throw ValidationError("\(error)") }
    }

    func run() async throws {
        let logger = Logger(label: "leader-elected-worker")
        let client = try ZooKeeperClient(clientConfiguration, logger: logger)
        let election = ZooKeeperElection(client, at: try ZNodePath(election), configuration: .init(id: name))
        let worker = LeaderService(election) { lease in try await work(lease, as: election.id) }
        // They shut down in reverse order: the worker resigns before the client closes the session.
        let group = ServiceGroup(
            services: [client, LeaderAnnouncer(election: election), worker],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        say("\(election.id) is a candidate at \(election.path) on \(connect)")
        try await group.run()
        say("\(election.id) has resigned")
    }

    private var clientConfiguration: ZooKeeperConfiguration {
        get throws {
            var configuration = try ZooKeeperConfiguration(connect)
            configuration.sessionTimeout = .seconds(sessionTimeout)
            return configuration
        }
    }
}

/// The work of the leader. It is cancelled when leadership is lost, and on SIGTERM; it leads until it returns, so it
/// should not be long about it.
private func work(_ lease: LockLease, as name: String) async throws {
    say("\(name) is the leader now, with fencing token \(lease.fencingToken)")
    // Also when it throws, which the cancellation of the sleep makes it do.
    defer { say("\(name) has stopped working") }
    for job in 1...Int.max {
        // Before every side effect: by our own clock, do we still lead? And whatever the job writes to should refuse
        // tokens older than one that it has seen: see the example FencedWriter.
        try lease.checkHeld()
        say("\(name) does job \(job)")
        try await Task.sleep(for: .seconds(1))
    }
}

/// Prints each leader, this process or another.
private struct LeaderAnnouncer: Service {
    let election: ZooKeeperElection

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            // Goes on over lost connections and sessions. Ends by cancellation.
            for try await leader in election.leaders { say(leader.map { "leader: \($0.id)" } ?? "nobody leads") }
        }
    }
}

/// Writes a line at once, also into a pipe, where `print` would collect.
private func say(_ line: String) { _ = try? FileDescriptor.standardOutput.writeAll("\(line)\n".utf8) }
#else
/// Without the trait there are no services.
@main enum LeaderElectedWorker {
    static func main() { fatalError("to be built with the trait ServiceLifecycle") }
}
#endif
