// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Logging
import ZooKeeper
import ZooKeeperRecipes

extension LockDemo {
    /// One of the processes that take the lock.
    struct Worker: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A worker of the demonstration.", shouldDisplay: false)

        @Argument var connect: String
        @Argument var path: String
        @Argument var name: String
        @Argument var turns: Int

        @Flag(help: "Ignores its cancellation, and never checks whether the lock is still held.")
        var stubborn = false

        func run() async throws {
            var configuration = try ZooKeeperConfiguration(connect)
            configuration.sessionTimeout = .seconds(2)
            let input = StandardInput()
            var logger = Logger(label: "lock-demo")
            // The timeline shows the events.
            logger.logLevel = .error
            try await ZooKeeperClient.withClient(configuration, logger: logger) { client in
                let directory = try ZNodePath(path)
                let lock = ZooKeeperLock(client, at: try directory.appending("lock"))
                for turn in 1...turns {
                    WorkerMessage.waiting.send()
                    do {
                        try await lock.withLock { lease in
                            try await hold(
                                lease, "\(name)-\(turn)", history: try directory.appending("history"), input)
                        }
                    } catch let error as LockError where error.code == .lost {
                        // The body has ended; the next turn is a new hold with a new token.
                    }
                }
            }
            WorkerMessage.finished.send()
        }

        private func hold(
            _ lease: LockLease, _ id: String, history: ZNodePath, _ input: StandardInput
        ) async throws {
            let token = lease.fencingToken.description
            do {
                // A stamp succeeds only while the lock is held, so the stamps of two holders never mix.
                WorkerMessage.holding(token: token, zxid: try await stamp(lease, history)).send()
                // The demonstration lets it continue; or kills it, or freezes it first.
                _ = await input.next()
                if stubborn {
                    await workWithoutChecking()
                } else {
                    try await Task.sleep(for: .milliseconds(150))
                    try lease.checkHeld()
                }
                WorkerMessage.record(id: id, token: token).send()
                // The store has answered.
                _ = await input.next()
                WorkerMessage.done(token: token, zxid: try await stamp(lease, history)).send()
            } catch {
                WorkerMessage.lost(token: token, reason: "\((error as? LockError)?.loss.map { "\($0)" } ?? "\(error)")")
                    .send()
                throw error
            }
        }

        private func stamp(_ lease: LockLease, _ history: ZNodePath) async throws -> Int64 {
            let results = try await lease.transaction([SetData(history, to: lease.fencingToken.bytes)])
            guard case .dataSet(let stat)? = results.first else { return 0 }
            return stat.mzxid.rawValue
        }

        /// Continues when it is cancelled, and does not check the lease before its side effect: a mistake, to be shown.
        private func workWithoutChecking() async {
            let end = ContinuousClock.now + .milliseconds(150)
            while ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(10)) }
        }
    }
}
