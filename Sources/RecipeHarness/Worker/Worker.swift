// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Logging
import ZooKeeper
import ZooKeeperTesting

/// One of the processes that use the recipe. It writes events to standard output, and executes the commands on standard
/// input: see ``WorkerCommand``.
struct Worker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "A process of the harness.", shouldDisplay: false)

    @Option var connect: String
    @Option var name: String
    @Option var incarnation: Int
    @Option var workload: Workload
    @Option var tasks: Int
    @Option var seed: UInt64
    @Option var library: ExternalLibrary?
    /// The interval of ``Rate``, in microseconds.
    @Option var interval: Int?

    /// Returns the arguments that start a worker.
    static func arguments(
        connect: String, name: String, incarnation: Int, _ settings: Settings, seed: UInt64
    ) -> [String] {
        var arguments = [
            "worker", "--connect", connect, "--name", name, "--incarnation", "\(incarnation)", "--workload",
            settings.workload.rawValue, "--tasks", "\(settings.tasks)", "--seed", "\(seed)",
        ]
        if let library = settings.library { arguments += ["--library", library.rawValue] }
        if let interval = settings.contenderRate.interval {
            arguments += ["--interval", "\(Int(interval / .microseconds(1)))"]
        }
        return arguments
    }

    func run() async throws {
        var configuration = try ZooKeeperConfiguration(connect)
        configuration.sessionTimeout = RunConstants.sessionTimeout
        var logger = Logger(label: "recipe-harness")
        logger.logLevel = .error
        var commands = await StandardInput().stream.makeAsyncIterator()
        var random = SplitMix64(seed: seed)
        var number = 0
        var command: WorkerCommand?
        let servers = KnownServers(configuration.servers)
        repeat {
            number += 1
            configuration.servers = servers.current
            // Incarnations begin with different shapes, for a process may not live long enough for its second.
            let shape = ClientLifetime.Shape(number: incarnation + number)
            let prefix = "\(name).\(incarnation)" + (number > 1 ? "-\(number)" : "")
            let seeds = (0..<tasks).map { _ in random.split() }
            let lifetime = ClientLifetime(
                shape: shape, configuration: configuration, logger: logger,
                generate: { client, task, ending in
                    let generator = Generator(
                        client: client, process: name, prefix: "\(prefix)/\(task)", workload: workload,
                        library: library, rate: Rate(interval: interval.map { .microseconds($0) }), ending: ending)
                    var random = seeds[task]
                    await generator.run(&random)
                }, tasks: tasks, servers: servers)
            command = try await lifetime.run(&commands)
        } while command == .close
    }
}
