// SPDX-License-Identifier: Apache-2.0

public import ZooKeeper

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A real ZooKeeper server for tests: standalone, on a free port of the loopback interface, with its data in a
/// temporary directory.
///
/// ```swift
/// try await ZooKeeperServer.withServer { server in
///     try await ZooKeeperClient.withClient(server.configuration) { client in
///         try await client.create("/hello")
///     }
/// }
/// ```
///
/// It starts in about a second. Its process and data are removed when the scope ends, and also when the test process is
/// killed. Any number of servers may run at once, in any number of test processes.
public final class ZooKeeperServer: Sendable {
    /// The port that the server listens on, the same over restarts.
    public let port: Int
    private let process: GuardedProcess
    /// The directory of its data, configuration and log.
    package let directory: String

    private init(port: Int, process: GuardedProcess, directory: String) {
        self.port = port
        self.process = process
        self.directory = directory
    }

    /// Runs `body` with a server, and ends the server when `body` returns.
    ///
    /// - Parameters:
    ///   - configuration: The settings of the server.
    ///   - distribution: The server software; `nil`: the one that is installed.
    ///   - isolation: The isolation of `body`: the caller's.
    ///   - body: Uses the server. Runs in the caller's isolation.
    /// - Throws: Any error that `body` throws; ``TestKitError`` if no server is installed or it does not start.
    @discardableResult
    public static func withServer<Success>(
        _ configuration: ServerConfiguration = .init(),
        distribution: ServerDistribution? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (ZooKeeperServer) async throws -> Success
    ) async throws -> Success {
        let server = try await start(configuration, distribution: distribution)
        let result: Result<Success, any Error>
        do { result = .success(try await body(server)) } catch { result = .failure(error) }
        await server.end()
        return try result.get()
    }

    /// The connect string `127.0.0.1:port`.
    public var connectString: String { "127.0.0.1:\(port)" }

    /// A client configuration for this server, with a session time-out of 4 s.
    public var configuration: ZooKeeperConfiguration {
        get throws {
            var configuration = try ZooKeeperConfiguration(connectString)
            configuration.sessionTimeout = .seconds(4)
            return configuration
        }
    }

    // MARK: Faults

    /// Kills the server with SIGKILL and waits until its process has ended. Its data stays.
    public func kill() async {
        process.signal(SIGKILL)
        _ = await process.waitUntilExited()
    }

    /// Starts the server again with its data and its port, and waits until it serves clients. Kills it first if it
    /// runs.
    ///
    /// - Throws: ``TestKitError`` if it does not start.
    public func restart() async throws {
        if process.pid != nil { await kill() }
        try await process.start()
        guard try await isServing() else { throw failure("did not start again on port \(port)") }
    }

    /// Stops the server's process with SIGSTOP: connections stay open, and no request is answered. Returns when all its
    /// threads have stopped.
    public func freeze() { process.stop() }

    /// Lets a frozen server continue, with SIGCONT.
    public func thaw() { process.signal(SIGCONT) }

    /// Copies the data of a server that has been killed, for ``restoreData()``. Takes effect before the next restart.
    public func saveData() { process.saveData() }

    /// Replaces the data of a server that has been killed by the copy, as a restore from a backup does. Takes effect
    /// before the next restart. The server then lacks transactions that its clients have seen.
    public func restoreData() { process.restoreData() }

    /// Indicates whether the server's process exists, frozen or not.
    public var isRunning: Bool { process.pid != nil }

    /// The process id of the JVM; `nil` if it does not run.
    public var processID: Int32? { process.pid }

    // MARK: State

    /// Sends one of ZooKeeper's four-letter words, such as `srvr`, `mntr`, `cons`, `dump` or `wchs`.
    ///
    /// - Returns: The answer; empty if the server does not answer within 2 s.
    /// - Throws: ``TestKitError`` if the server does not listen.
    public func ask(_ fourLetterWord: String) async throws -> String {
        try await FourLetterWord.ask(fourLetterWord, port: port)
    }

    /// The server's log so far.
    public var log: String { readFile("\(directory)/server.log") }

    // MARK: Starting

    private static func start(
        _ configuration: ServerConfiguration, distribution: ServerDistribution?
    ) async throws -> ZooKeeperServer {
        var installed = distribution
        if installed == nil { installed = try await ServerDistribution.installed() }
        guard let installed else { throw TestKitError("no ZooKeeper server is installed") }
        // A port that is free now may be taken a moment later; then the server ends, and another port is tried.
        var lastFailure = TestKitError("no free port was found")
        for _ in 0..<10 {
            let server = try await prepared(configuration, installed, port: try freePort())
            do {
                try server.write(configuration)
                try await server.launch()
                if try await server.isServing() { return server }
                lastFailure = server.failure("ended at its start")
                await server.end()
            } catch {
                await server.end()
                throw error
            }
            guard lastFailure.description.contains("BindException") else { break }
        }
        throw lastFailure
    }

    /// Makes a server with its directory, without starting it. The caller ends it with ``end()``.
    static func prepared(
        _ configuration: ServerConfiguration, _ installed: ServerDistribution, port: Int
    ) async throws -> ZooKeeperServer {
        let process = GuardedProcess(command(configuration, installed))
        do {
            return ZooKeeperServer(port: port, process: process, directory: try await process.directory())
        } catch {
            await process.end()
            throw error
        }
    }

    /// Writes the files that the server reads when it is launched.
    func write(_ configuration: ServerConfiguration) throws {
        try writeFile(
            configuration.text(directory: directory, port: port), to: "\(directory)/zoo.cfg")
        if let id = configuration.myID { try writeFile("\(id)\n", to: "\(directory)/data/myid") }
    }

    /// Starts the process, without waiting until it serves clients.
    func launch() async throws { try await process.start() }

    /// Kills the server and removes its directory.
    func end() async { await process.end() }

    private static func command(
        _ configuration: ServerConfiguration, _ distribution: ServerDistribution
    ) -> [String] {
        [distribution.java, "-Xmx\(configuration.maximumHeapMiB)m"] + configuration.javaOptions + [
            "-Djava.net.preferIPv4Stack=true", "-Dorg.slf4j.simpleLogger.defaultLogLevel=info",
            "-Dzookeeper.jmx.log4j.disable=true",
        ] + configuration.systemProperties.sorted { $0.key < $1.key }.map { "-D\($0.key)=\($0.value)" }
            + ["-cp", distribution.classPath, "org.apache.zookeeper.server.quorum.QuorumPeerMain"]
    }

    /// Finds a port that no process listens on, outside the range from which the system takes ports for outgoing
    /// connections: from there it could be taken while the server restarts.
    package static func freePort() throws(TestKitError) -> Int {
        for _ in 0..<100 {
            let port = Int.random(in: 10_000...31_999)
            if (try? Socket.listening(on: port)) != nil { return port }
        }
        throw TestKitError("no free port was found")
    }

    /// Waits until the server serves clients.
    ///
    /// - Returns: `false` if its process has ended.
    /// - Throws: ``TestKitError`` if it does not serve after 60 s.
    func isServing() async throws -> Bool {
        let limit = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < limit {
            if process.exitCode != nil { return false }
            // `ruok` is answered before the server serves. And another server may have taken this port first, so the
            // one that answers must be the one with this directory.
            if let answer = try? await ask("srvr"), answer.contains("Mode: "),
                let settings = try? await ask("conf"), settings.contains(directory)
            {
                return true
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw failure("does not serve after 60 s")
    }

    /// Makes an error that says what the server failed to do, with the end of its log.
    func failure(_ what: String) -> TestKitError {
        TestKitError("the ZooKeeper server \(what); the end of its log:\n\(log.suffix(2_000))")
    }
}
