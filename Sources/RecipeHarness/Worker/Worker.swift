import ArgumentParser
import Logging
import Synchronization
import ZooKeeper
import ZooKeeperTesting

extension RecipeHarness {
    /// One of the processes that use the recipe. It writes what it does to standard output, and obeys its standard input:
    /// `expire PORT` ends its own session by the server there, `stop` ends the process.
    struct Worker: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "A process of the harness.", shouldDisplay: false)

        @Option var connect: String
        @Option var name: String
        @Option var incarnation: Int
        @Option var workload: Workload
        @Option var tasks: Int
        @Option var seed: UInt64
        @Option var guest: Guest?
        /// See ``Pace``, in microseconds.
        @Option var interval: Int?

        /// What starts one.
        static func arguments(
            connect: String, name: String, incarnation: Int, _ settings: Settings, seed: UInt64
        ) -> [String] {
            var arguments = [
                "worker", "--connect", connect, "--name", name, "--incarnation", "\(incarnation)", "--workload",
                settings.workload.rawValue, "--tasks", "\(settings.tasks)", "--seed", "\(seed)",
            ]
            if let guest = settings.guest { arguments += ["--guest", guest.rawValue] }
            if let interval = settings.pace.interval {
                arguments += ["--interval", "\(Int(interval / .microseconds(1)))"]
            }
            return arguments
        }

        func run() async throws {
            var configuration = try ZooKeeperConfiguration(connect)
            configuration.sessionTimeout = Stage.sessionTimeout
            var logger = Logger(label: "recipe-harness")
            logger.logLevel = .error
            let orders = Orders()
            try await ZooKeeperClient.withClient(configuration, logger: logger) { client in
                await withTaskGroup(of: Void.self) { group in
                    var random = SplitMix64(seed: seed)
                    for task in 0..<tasks {
                        let turns = Turns(
                            client: client, process: name, prefix: "\(name).\(incarnation)/\(task)", workload: workload,
                            guest: guest, pace: Pace(interval: interval.map { .microseconds($0) }))
                        let own = random.split()
                        group.addTask {
                            var random = own
                            await turns.run(&random)
                        }
                    }
                    for await order in orders.stream {
                        let words = order.split(separator: " ")
                        if words.first == "expire", words.count == 2, let port = Int(words[1]) {
                            await expire(client, port)
                        } else if words.first == "stop" {
                            break
                        }
                    }
                    group.cancelAll()
                }
            }
        }

        private func expire(_ client: ZooKeeperClient, _ port: Int) async {
            guard case .connected = client.sessionState else { return }
            let session = try? await client.withSession { $0 }
            if let session { try? await ZooKeeperServer.expire(session, port: port) }
        }
    }
}
