// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// Everything that the scenarios share: a server, a client that only observes, and processes that have been started.
final class InteropEnvironment: Sendable {
    @TaskLocal static var current: InteropEnvironment?

    static var required: InteropEnvironment {
        get throws {
            guard let current else { throw TestKitError("this test is not in InteropTests") }
            return current
        }
    }

    /// The number of times that each scenario is run: `INTEROP_ROUNDS`.
    static let rounds = environmentValue("INTEROP_ROUNDS").flatMap { Int($0) } ?? 1

    let server: ZooKeeperServer
    /// A client that takes part in no scenario.
    let observer: ZooKeeperClient
    let matrix = Matrix()
    private let idle = Shared<[Peer: [PeerProcess]]>([:])

    init(_ server: ZooKeeperServer, _ observer: ZooKeeperClient) {
        self.server = server
        self.observer = observer
    }

    /// Runs `body` with a process that no fault will hit: an idle one of an earlier scenario, if there is one.
    func withProcess<Success>(
        _ peer: Peer, isolation: isolated (any Actor)? = #isolation, _ body: (PeerProcess) async throws -> Success
    ) async throws -> Success {
        var process = idle.withLock { $0[peer]?.popLast() }
        if process == nil {
            process = try await PeerProcess.start(peer, server.connectString, sessionTimeout: .seconds(60))
        }
        guard let process else { throw TestKitError("no process") }
        do {
            let result = try await body(process)
            idle.withLock { $0[peer, default: []].append(process) }
            return result
        } catch {
            await process.end()
            throw error
        }
    }

    /// Runs `body` with a process of its own.
    static func withVictim<Success>(
        _ peer: Peer, on connect: String, sessionTimeout: Duration = .seconds(4),
        isolation: isolated (any Actor)? = #isolation, _ body: (PeerProcess) async throws -> Success
    ) async throws -> Success {
        let process = try await PeerProcess.start(peer, connect, sessionTimeout: sessionTimeout)
        let result: Result<Success, any Error>
        do { result = .success(try await body(process)) } catch { result = .failure(error) }
        await process.end()
        return try result.get()
    }

    func end() async {
        let processes = idle.withLock { idle in
            defer { idle = [:] }
            return idle.values.flatMap { $0 }
        }
        for process in processes { await process.end() }
    }
}

/// Gives all tests of a suite an environment, and prints the matrix of their results.
struct InteropEnvironmentTrait: SuiteTrait, TestScoping {
    var isRecursive: Bool { false }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await ZooKeeperServer.withServer { server in
            var configuration = try server.configuration
            configuration.sessionTimeout = .seconds(60)
            try await ZooKeeperClient.withClient(configuration) { observer in
                let environment = InteropEnvironment(server, observer)
                let result: Result<Void, any Error>
                do {
                    result = .success(
                        try await InteropEnvironment.$current.withValue(environment) { try await function() })
                } catch {
                    result = .failure(error)
                }
                await environment.end()
                print("\nInterop matrix\n\n\(environment.matrix.table)\n")
                try result.get()
            }
        }
    }
}

extension Trait where Self == InteropEnvironmentTrait {
    static var interopEnvironment: Self { Self() }
}

/// Runs `body` for all elements at once.
func forAll<Element: Sendable, Success: Sendable>(
    _ elements: [Element], _ body: @escaping @Sendable (Element) async throws -> Success
) async throws -> [Success] {
    try await withThrowingTaskGroup(of: (Int, Success).self) { group in
        for (index, element) in elements.enumerated() {
            group.addTask { (index, try await body(element)) }
        }
        var results: [(Int, Success)] = []
        for try await result in group { results.append(result) }
        return results.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
