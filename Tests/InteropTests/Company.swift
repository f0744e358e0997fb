import Synchronization
import TestSupport
import Testing
import ZooKeeper
import ZooKeeperTesting

/// What all meetings share: a server, somebody who looks on, and processes that have been started already.
final class Company: Sendable {
    @TaskLocal static var current: Company?

    static var required: Company {
        get throws {
            guard let current else { throw TestKitError("this test is not in InteropTests") }
            return current
        }
    }

    /// How often each meeting takes place: `INTEROP_ROUNDS`.
    static let rounds = environmentValue("INTEROP_ROUNDS").flatMap { Int($0) } ?? 1

    let server: ZooKeeperServer
    /// Takes part in nothing.
    let onlooker: ZooKeeperClient
    let matrix = Matrix()
    private let idle = Mutex<[Peer: [PeerProcess]]>([:])

    init(_ server: ZooKeeperServer, _ onlooker: ZooKeeperClient) {
        self.server = server
        self.onlooker = onlooker
    }

    /// Runs `body` with a process that nothing will happen to: one that has served before, if there is one.
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

/// Gives all tests of a suite a company, and prints what came of their meetings.
struct CompanyTrait: SuiteTrait, TestScoping {
    var isRecursive: Bool { false }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await ZooKeeperServer.withServer { server in
            var configuration = try server.configuration
            configuration.sessionTimeout = .seconds(60)
            try await ZooKeeperClient.withClient(configuration) { onlooker in
                let company = Company(server, onlooker)
                let result: Result<Void, any Error>
                do {
                    result = .success(try await Company.$current.withValue(company) { try await function() })
                } catch {
                    result = .failure(error)
                }
                await company.end()
                print("\nInterop matrix\n\n\(company.matrix.table)\n")
                try result.get()
            }
        }
    }
}

extension Trait where Self == CompanyTrait {
    static var company: Self { Self() }
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
