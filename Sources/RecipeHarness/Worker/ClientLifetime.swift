// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization
import ZooKeeper
import ZooKeeperTesting

#if ServiceLifecycle
import ServiceLifecycle
#endif

/// One client of a worker, and the tasks that use it until both are told to end.
struct ClientLifetime: Sendable {
    /// The relation of the client and the tasks that use it.
    enum Shape: Sendable {
        /// The tasks use it in the scope of `withClient`.
        case scope
        #if ServiceLifecycle
        /// The client and the tasks are services of one group.
        case serviceGroup
        #endif

        /// The shape of the `number`th lifetime: the two shapes alternate.
        init(number: Int) {
            #if ServiceLifecycle
            self = number.isMultiple(of: 2) ? .serviceGroup : .scope
            #else
            self = .scope
            #endif
        }
    }

    let shape: Shape
    let configuration: ZooKeeperConfiguration
    let logger: Logger
    /// Runs a task of the worker, by its number, until that is cancelled.
    let generate: @Sendable (ZooKeeperClient, _ task: Int, _ ending: ClientEnding) async -> Void
    let tasks: Int
    /// The servers, for this lifetime and later ones.
    let servers: KnownServers

    /// Executes commands until one ends the lifetime.
    ///
    /// - Returns: That command; `nil` if there are no more.
    func run(_ commands: inout AsyncStream<WorkerCommand>.AsyncIterator) async throws -> WorkerCommand? {
        let ending = ClientEnding()
        let isOver = Promise<Void>()
        let client = Promise<ZooKeeperClient>()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await work(client, ending, isOver) }
            var last: WorkerCommand?
            while true {
                last = await commands.next()
                if case .expire(let port)? = last {
                    if let client = client.current { await expire(client, port) }
                } else if case .servers(let connect)? = last {
                    let servers = try ZooKeeperConfiguration(connect).servers
                    self.servers.move(to: servers)
                    if case .value(let client) = await client.wait() { try client.update(servers: servers) }
                } else {
                    break
                }
            }
            if last == .stop || last == nil {
                // First the tasks that use the client, then the client.
                isOver.fulfil(())
            } else {
                // All at once, as when the surrounding task is cancelled.
                ending.begin()
                group.cancelAll()
            }
            try await group.waitForAll()
            return last
        }
    }

    private func work(
        _ started: Promise<ZooKeeperClient>, _ ending: ClientEnding, _ isOver: Promise<Void>
    ) async throws {
        switch shape {
        case .scope:
            try await ZooKeeperClient.withClient(configuration, logger: logger) { client in
                started.fulfil(client)
                await use(client, ending, isOver)
            }
        #if ServiceLifecycle
        case .serviceGroup:
            let client = try ZooKeeperClient(configuration, logger: logger)
            started.fulfil(client)
            let users = GeneratorService { await use(client, ending, isOver) }
            let group = ServiceGroup(
                configuration: .init(
                    services: [
                        .init(service: client),
                        .init(service: users, successTerminationBehavior: .gracefullyShutdownGroup),
                    ], logger: logger))
            do { try await group.run() } catch {
                // A group that is cancelled may throw that, or that its services have ended.
                guard ending.hasBegun else { throw error }
            }
        #endif
        }
    }

    /// Runs all tasks until `isOver` is fulfilled or this task is cancelled.
    private func use(_ client: ZooKeeperClient, _ ending: ClientEnding, _ isOver: Promise<Void>) async {
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<tasks { group.addTask { await generate(client, task, ending) } }
            _ = await isOver.wait()
            group.cancelAll()
        }
    }

    private func expire(_ client: ZooKeeperClient, _ port: Int) async {
        guard case .connected = client.sessionState else { return }
        let session = try? await client.withSession { $0 }
        if let session { try? await ZooKeeperServer.expire(session, port: port) }
    }
}

#if ServiceLifecycle
/// The tasks that use a client, as a service.
private struct GeneratorService: Service {
    let work: @Sendable () async -> Void

    func run() async { await work() }
}
#endif

/// The servers of a worker, which may move while it runs.
final class KnownServers: Sendable {
    private let list: Mutex<[ServerAddress]>

    init(_ list: [ServerAddress]) { self.list = Mutex(list) }

    var current: [ServerAddress] { list.withLock { $0 } }

    func move(to list: [ServerAddress]) { self.list.withLock { $0 = list } }
}

/// The flag that tells critical sections that their client is being closed while they run: they then do not stop at
/// once.
final class ClientEnding: Sendable {
    private let isBegun = Mutex(false)

    var hasBegun: Bool { isBegun.withLock { $0 } }

    func begin() { isBegun.withLock { $0 = true } }
}
