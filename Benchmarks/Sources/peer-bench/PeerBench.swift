// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Logging
import ZooKeeper
import ZooKeeperRecipes

/// Runs one workload and prints one line of JSON. Programs for other ZooKeeper clients, with the same options and the
/// same output, make a comparison.
@main struct PeerBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peer-bench",
        abstract: "Runs one workload against a ZooKeeper server and prints one line of JSON.",
        discussion: "Exit status 1 if a lock let two holders in, or on any error.")

    @OptionGroup var options: Options

    // Not isolated, and neither are all tasks below it: a task on an actor would hop twice for each request.
    nonisolated func run() async throws {
        let report = try await options.workload.run(options)
        print(report.line)
        if report.violations > 0 { throw ExitCode.failure }
    }
}

enum Release: String, ExpressibleByArgument, Sendable {
    case awaited
    case background
}

struct Options: ParsableArguments, Sendable {
    @Option(help: "The server, as host:port.")
    var connect: String

    @Option(help: "The workload: \(Workload.allCases.map(\.rawValue).joined(separator: ", ")).")
    var workload: Workload

    @Option(
        help: "A node that does not exist yet. It is created with its parents, and the workload uses nodes below it.")
    var path: String

    @Option(help: "The number of sessions.")
    var clients = 1

    @Option(help: "The number of contenders, or of requests under way.")
    var concurrency = 1

    @Option(help: "The time to measure, in seconds.")
    var seconds = 3.0

    @Option(help: "The time to run before that, in seconds.")
    var warmup = 1.0

    @Option(help: "The exact number of cycles to run, instead of a time and without warm-up.")
    var ops = 0

    @Option(help: "Whether to wait for the answer to the release of a lock: awaited, background.")
    var release = Release.awaited

    @Flag(help: "Gives the clients a metrics backend that adds up in memory.")
    var metrics = false

    @Flag(help: "Gives the clients a tracer that records every span and forgets it at its end.")
    var tracing = false

    func validate() throws {
        guard clients > 0, concurrency > 0 else {
            throw ValidationError("--clients and --concurrency must be positive")
        }
        guard seconds > 0, warmup >= 0, ops >= 0 else {
            throw ValidationError("--seconds must be positive; --warmup and --ops must not be negative")
        }
    }

    /// Makes the lock of one contender, with the configuration of the run.
    func lock(_ client: ZooKeeperClient, at path: ZNodePath) -> ZooKeeperLock {
        var configuration = ZooKeeperLock.Configuration()
        if release == .background { configuration.release = .background }
        return ZooKeeperLock(client, at: path, configuration: configuration)
    }

    /// The node below which the workload's nodes are.
    var root: ZNodePath { get throws { try ZNodePath(path) } }
}
