// SPDX-License-Identifier: Apache-2.0

/// The servers of an ensemble, as its servers know them.
public struct EnsembleConfiguration: Sendable, Hashable {
    /// The servers by id, each as `zoo.cfg` has it behind `server.<id>=`, for example
    /// `zk1:2888:3888:participant;0.0.0.0:2181`. Empty for a standalone server.
    public var servers: [Int: String]
    /// Grows with every change. 0 for a standalone server.
    public var version: Int64

    /// Reads the data of `/zookeeper/config`. Lines that are neither a server nor the version are passed over.
    package init(_ data: [UInt8]) {
        servers = [:]
        version = 0
        // In bytes: for Swift, "\r\n" is one character that is not "\n".
        for line in data.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            let parts = line.split(separator: UInt8(ascii: "="), maxSplits: 1).map {
                String(decoding: $0, as: UTF8.self)
            }
            guard parts.count == 2 else { continue }
            if parts[0] == "version" {
                version = Int64(parts[1], radix: 16) ?? 0
            } else if parts[0].hasPrefix("server."), let id = Int(parts[0].dropFirst("server.".count)) {
                servers[id] = parts[1]
            }
        }
    }
}

/// Reads which servers the ensemble has. With a watch it also sees them change.
public struct GetEnsembleConfiguration: WatchableOperation {
    /// The operation, which has no parameters.
    public init() {}

    public func makeRequest() -> Request {
        var request = Request("/zookeeper/config", .getData)
        request.isOutsideChroot = true
        return request
    }

    public func output(
        of result: Result<Response, ZooKeeperError>, to request: Request
    ) throws(ZooKeeperError) -> EnsembleConfiguration {
        guard case .node(let node) = try result.get().kind else { throw .mismatch }
        return EnsembleConfiguration(node.data)
    }
}

extension ZooKeeperOperations {
    /// Reads which servers the ensemble has, as the server that this client is connected to knows it.
    ///
    /// - Throws: ``ZooKeeperError``: what any call may throw.
    public func ensembleConfiguration(
        file: String = #fileID, line: Int = #line
    ) async throws -> EnsembleConfiguration {
        try await perform(GetEnsembleConfiguration(), file: file, line: line)
    }

    /// As ``ensembleConfiguration(file:line:)``, and a watch that sees it change.
    ///
    /// - Throws: ``ZooKeeperError``: `watchBudgetExceeded`, and what any call may throw.
    public func ensembleConfigurationWatched(
        file: String = #fileID, line: Int = #line
    ) async throws -> Watched<EnsembleConfiguration> {
        try await perform(GetEnsembleConfiguration().watched, file: file, line: line)
    }
}
