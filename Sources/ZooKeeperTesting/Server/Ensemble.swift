// SPDX-License-Identifier: Apache-2.0

public import ZooKeeper

/// An ensemble of real ZooKeeper servers, for tests in which some of them fail.
///
/// ```swift
/// try await Ensemble.withEnsemble { ensemble in
///     let client = try ZooKeeperClient(ensemble.configuration)
///     ...
///     let deposed = try await ensemble.killLeader()
///     try await ensemble.waitForLeader(otherThan: deposed)
///     try await ensemble.servers[deposed].restart()
/// }
/// ```
///
/// The servers reach each other over links that can be cut one by one, while clients still reach every server: see
/// ``sever(_:_:)`` and ``isolate(_:)``. All servers listen on the loopback interface, on free ports, with data in
/// temporary directories; processes and data are removed when the scope ends, and also when the test process is killed.
/// Three servers start in about four seconds and take about 100 MB of memory each.
public final class Ensemble: Sendable {
    /// The servers, each of which can be killed, frozen, restarted and queried on its own. The other methods identify a
    /// server by its index in this array.
    public let servers: [ZooKeeperServer]
    private let links: PeerLinks

    private init(_ servers: [ZooKeeperServer], _ links: PeerLinks) {
        self.servers = servers
        self.links = links
    }

    /// Runs `body` with an ensemble that has a leader and all of whose servers serve clients.
    ///
    /// - Parameters:
    ///   - size: The number of servers, 2 to 9. Default: 3.
    ///   - configuration: The settings of each server. Unless `properties` set other limits, a server that hears nothing from
    ///     the others for ten ticks (2 s by default) looks for a new leader.
    ///   - distribution: The server software; `nil`: the one that is installed.
    ///   - isolation: The isolation of `body`: the caller's.
    ///   - body: Uses the ensemble. Runs in the caller's isolation.
    /// - Throws: Any error that `body` throws; ``TestKitError`` if no server is installed or they do not form an
    ///   ensemble.
    @discardableResult
    public static func withEnsemble<Success>(
        of size: Int = 3,
        _ configuration: ServerConfiguration = .init(),
        distribution: ServerDistribution? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (Ensemble) async throws -> Success
    ) async throws -> Success {
        guard (2...9).contains(size) else { throw TestKitError("an ensemble has 2 to 9 servers, not \(size)") }
        let ensemble = try await start(size, configuration, distribution)
        let result: Result<Success, any Error>
        do { result = .success(try await body(ensemble)) } catch { result = .failure(error) }
        await ensemble.end()
        return try result.get()
    }

    /// The connect string of all servers, `127.0.0.1:port,…`.
    public var connectString: String { servers.map(\.connectString).joined(separator: ",") }

    /// A client configuration for all servers, with a session time-out of 4 s.
    public var configuration: ZooKeeperConfiguration {
        get throws {
            var configuration = try ZooKeeperConfiguration(connectString)
            configuration.sessionTimeout = .seconds(4)
            return configuration
        }
    }

    // MARK: The leader

    /// Asks the servers which of them leads. If two report that they lead, the one that was elected later counts.
    ///
    /// - Returns: The index of the leader; `nil` if no server reports that it leads.
    public func leader() async -> Int? {
        await withTaskGroup(of: (index: Int, zxid: Int64)?.self) { group in
            for (index, server) in servers.enumerated() where server.isRunning {
                group.addTask {
                    let answer = try? await FourLetterWord.ask("srvr", port: server.port, timeout: .milliseconds(500))
                    guard let answer, answer.contains("Mode: leader") else { return nil }
                    let zxid = answer.split(separator: "\n").first { $0.hasPrefix("Zxid: 0x") }
                    return (index, zxid.flatMap { Int64($0.dropFirst(8), radix: 16) } ?? 0)
                }
            }
            var latest: (index: Int, zxid: Int64)?
            for await leader in group {
                guard let leader else { continue }
                if leader.zxid >= latest?.zxid ?? 0 { latest = leader }
            }
            return latest?.index
        }
    }

    /// Waits until there is a leader.
    ///
    /// - Parameter former: The index of a server that does not count as the leader; `nil`: every server counts.
    /// - Returns: The index of the leader.
    /// - Throws: ``TestKitError`` if there is no leader after 60 s; `CancellationError`.
    @discardableResult
    public func waitForLeader(otherThan former: Int? = nil) async throws -> Int {
        let limit = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < limit {
            if let leader = await leader(), leader != former { return leader }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw TestKitError("the ensemble has no leader after 60 s; see the logs of its servers")
    }

    /// Waits until all running servers serve clients, for which a quorum must run.
    ///
    /// - Throws: ``TestKitError`` if one of them does not after 60 s, or has ended.
    public func waitUntilServing() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for server in servers where server.isRunning {
                group.addTask {
                    guard try await server.isServing() else { throw server.failure("ended") }
                }
            }
            try await group.waitForAll()
        }
    }

    // MARK: Faults

    /// Kills the leader with SIGKILL.
    ///
    /// - Returns: The index of the killed server.
    @discardableResult
    public func killLeader() async throws -> Int {
        let leader = try await waitForLeader()
        await servers[leader].kill()
        return leader
    }

    /// Stops the leader's process with SIGSTOP, until its ``ZooKeeperServer/thaw()``.
    ///
    /// - Returns: The index of the frozen server.
    @discardableResult
    public func freezeLeader() async throws -> Int {
        let leader = try await waitForLeader()
        servers[leader].freeze()
        return leader
    }

    /// Kills and restarts one server after the other, the leader last, each when the one before serves again.
    public func rollingRestart() async throws {
        let leader = try await waitForLeader()
        for index in servers.indices.filter({ $0 != leader }) + [leader] {
            try await servers[index].restart()
            try await waitUntilServing()
        }
    }

    /// Cuts the links between two servers in both directions until ``heal()``: their connections stay open, and neither
    /// receives anything from the other. Clients still reach both.
    public func sever(_ one: Int, _ other: Int) { links.between(one, other).forEach { $0.sever() } }

    /// Cuts the links between one server and all others until ``heal()``.
    public func isolate(_ index: Int) { for other in servers.indices where other != index { sever(index, other) } }

    /// Restores all links between the servers; what was held back is delivered.
    public func heal() { links.all.forEach { $0.heal() } }

    // MARK: Starting

    private static func start(
        _ size: Int, _ configuration: ServerConfiguration, _ distribution: ServerDistribution?
    ) async throws -> Ensemble {
        var installed = distribution
        if installed == nil { installed = try await ServerDistribution.installed() }
        guard let installed else { throw TestKitError("no ZooKeeper server is installed") }
        var attempt = 1
        while true {
            let ensemble = try await prepared(size, configuration, installed)
            do {
                for server in ensemble.servers { try await server.launch() }
                try await ensemble.waitUntilServing()
                return ensemble
            } catch {
                await ensemble.end()
                // A port that was free is taken: the next attempt takes others.
                guard attempt < 5, "\(error)".contains("BindException") else { throw error }
                attempt += 1
            }
        }
    }

    private static func prepared(
        _ size: Int, _ configuration: ServerConfiguration, _ installed: ServerDistribution
    ) async throws -> Ensemble {
        var ports: Set<Int> = []
        while ports.count < 3 * size { ports.insert(try ZooKeeperServer.freePort()) }
        let free = Array(ports)
        let links = try PeerLinks(quorumPorts: Array(free[..<size]), electionPorts: Array(free[size..<2 * size]))
        var servers: [ZooKeeperServer] = []
        do {
            for index in 0..<size {
                let own = links.configuration(of: index, configuration)
                let server = try await ZooKeeperServer.prepared(own, installed, port: free[2 * size + index])
                servers.append(server)
                try server.write(own)
            }
        } catch {
            await Ensemble(servers, links).end()
            throw error
        }
        return Ensemble(servers, links)
    }

    private func end() async {
        await withTaskGroup(of: Void.self) { group in
            for server in servers { group.addTask { await server.end() } }
        }
        links.close()
    }
}
