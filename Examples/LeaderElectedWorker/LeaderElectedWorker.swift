// SPDX-License-Identifier: Apache-2.0

#if ServiceLifecycle
import ArgumentParser
import Logging
import ServiceLifecycle
import SystemPackage
import UnixSignals
import ZooKeeper
import ZooKeeperRecipes

/// A service that works only while it leads. Of several instances one works, and the others wait.
///
///     swift run LeaderElectedWorker --name alpha
@main struct LeaderElectedWorker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "LeaderElectedWorker",
        abstract: "A service that works only while it leads.",
        discussion: """
            Exit status: 0 after SIGTERM or SIGINT, 1 if it has no permission to read the election's nodes, 64 for bad arguments.
            """)

    @Option(help: "The servers, as host:port,host:port/chroot.")
    var connect = "127.0.0.1:2181"

    @Option(help: "The path of the election.")
    var election = "/examples/leader-elected-worker"

    @Option(help: "The id of this candidate. Default: host name and process id.")
    var name: String?

    @Option(
        help: "The session time-out in seconds, within the limits of the servers: the time after which another leads.")
    var sessionTimeout = 6.0

    @Option(help: "A file that has content while this instance leads, for a readiness probe: test -s FILE.")
    var readyFile: String?

    func validate() throws {
        guard sessionTimeout > 0 else { throw ValidationError("--session-timeout must be positive") }
        do { _ = (try clientConfiguration, try ZNodePath(election)) } catch { throw ValidationError("\(error)") }
    }

    func run() async throws {
        let logger = Logger(label: "leader-elected-worker")
        let client = try ZooKeeperClient(clientConfiguration, logger: logger)
        let election = ZooKeeperElection(client, at: try ZNodePath(election), configuration: .init(id: name))
        let worker = LeaderService(election) { lease in try await work(lease, as: election.id) }
        // The group shuts services down in reverse order: the worker resigns before the client closes the session.
        let group = ServiceGroup(
            services: [client, LeaderAnnouncer(election: election), worker] + probes(of: worker),
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        printLine("\(election.id) is a candidate at \(election.path) on \(connect)")
        try await group.run()
        printLine("\(election.id) has resigned")
    }

    /// An HTTP server would answer its probe with `worker.isLeading`.
    private func probes(of worker: LeaderService) -> [any Service] {
        readyFile.map { [ReadinessFile(worker: worker, path: FilePath($0))] } ?? []
    }

    private var clientConfiguration: ZooKeeperConfiguration {
        get throws {
            var configuration = try ZooKeeperConfiguration(connect)
            configuration.sessionTimeout = .seconds(sessionTimeout)
            return configuration
        }
    }
}

/// Works as the leader. The task is cancelled when leadership is lost, and on SIGTERM; the instance leads until this
/// function returns, so it should return soon.
private func work(_ lease: LockLease, as name: String) async throws {
    printLine("\(name) is the leader now, with fencing token \(lease.fencingToken)")
    // Also when it throws, as the sleep does when it is cancelled.
    defer { printLine("\(name) has stopped working") }
    for job in 1...Int.max {
        // Before every side effect: throws if this process does not lead any more by its own clock. And the resource
        // that a job writes to should refuse tokens older than one that it has seen: see the example FencedWriter.
        try lease.checkHeld()
        printLine("\(name) does job \(job)")
        try await Task.sleep(for: .seconds(1))
    }
}

/// Shows in a file whether this instance leads.
private struct ReadinessFile: Service {
    let worker: LeaderService
    let path: FilePath

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            // Starts with the current state, and goes on until the task is cancelled.
            for await term in worker.terms { try write(term == nil ? "" : "leading\n") }
        }
        try write("")
    }

    private func write(_ text: String) throws {
        let file = try FileDescriptor.open(
            path, .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite, .groupRead, .otherRead])
        try file.closeAfter { _ = try file.writeAll(text.utf8) }
    }
}

/// Prints the id of the leader whenever it changes.
private struct LeaderAnnouncer: Service {
    let election: ZooKeeperElection

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            // Continues over lost connections and sessions. Ends by cancellation.
            for try await leader in election.leaders {
                printLine(leader.map { "leader: \($0.id ?? $0.path.name)" } ?? "nobody leads")
            }
        }
    }
}

/// Writes a line at once, also into a pipe, where `print` would buffer it.
private func printLine(_ line: String) { _ = try? FileDescriptor.standardOutput.writeAll("\(line)\n".utf8) }
#else
/// The program without the trait ServiceLifecycle, which it needs.
@main enum LeaderElectedWorker {
    static func main() { fatalError("build this example with the trait ServiceLifecycle") }
}
#endif
