import ArgumentParser
import Logging
import ZooKeeper
import ZooKeeperRecipes

/// Runs one workload and prints one line of JSON: this library's part in a comparison of ZooKeeper clients, whose other
/// parts are programs with the same options and the same output.
@main struct PeerBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peer-bench",
        abstract: "Runs one workload against a ZooKeeper server and prints one line of JSON.",
        discussion: "Exit status 1 if a lock let two holders in, or on any error.")

    @OptionGroup var options: Options

    // Not isolated, and so are all tasks below it: a task that is on an actor would hop twice for each request.
    nonisolated func run() async throws {
        let report = try await options.workload.run(options)
        print(report.line)
        if report.violations > 0 { throw ExitCode.failure }
    }
}

struct Options: ParsableArguments, Sendable {
    @Option(help: "The server, as host:port.")
    var connect: String

    @Option(help: "What to run: \(Workload.allCases.map(\.rawValue).joined(separator: ", ")).")
    var workload: Workload

    @Option(help: "A node that does not exist yet. It is created with its parents, and everything happens below it.")
    var path: String

    @Option(help: "How many sessions.")
    var clients = 1

    @Option(help: "How many contenders, or requests under way.")
    var concurrency = 1

    @Option(help: "How long to measure, in seconds.")
    var seconds = 3.0

    @Option(help: "How long to run before that, in seconds.")
    var warmup = 1.0

    @Option(help: "Run exactly so many cycles instead, and do not warm up.")
    var ops = 0

    @Flag(name: .customLong("release-in-background"), help: "Nobody waits for the answer to the release of a lock.")
    var releasesInBackground = false

    func validate() throws {
        guard clients > 0, concurrency > 0 else {
            throw ValidationError("--clients and --concurrency must be positive")
        }
        guard seconds > 0, warmup >= 0, ops >= 0 else {
            throw ValidationError("--seconds must be positive; --warmup and --ops must not be negative")
        }
    }

    /// The configuration of the contenders at `path`.
    func lock(_ client: ZooKeeperClient, at path: ZNodePath) -> ZooKeeperLock {
        var configuration = ZooKeeperLock.Configuration()
        if releasesInBackground { configuration.release = .background }
        return ZooKeeperLock(client, at: path, configuration: configuration)
    }

    /// The node below which everything happens.
    var root: ZNodePath { get throws { try ZNodePath(path) } }
}
