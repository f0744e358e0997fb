/// The servers of an ensemble, as its servers know them.
public struct EnsembleConfiguration: Sendable, Hashable {
    /// The servers by id, each as `zoo.cfg` has it behind `server.<id>=`, for example
    /// `zk1:2888:3888:participant;0.0.0.0:2181`. Empty for a standalone server.
    public var servers: [Int: String]
    /// Grows with every change. 0 for a standalone server.
    public var version: Int64

    /// Reads the data of `/zookeeper/config`. Lines that are neither a server nor the version are passed over.
    init(_ data: [UInt8]) {
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
    public init() {}

    public func makeRequest() -> Request {
        var request = Request(.getData(path: "/zookeeper/config"))
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

/// A change of the ensemble's servers.
public struct Reconfiguration: Sendable, Hashable {
    package var joining: String?
    package var leaving: String?
    package var members: String?
    package var version: Int64

    /// Some servers join or change, others leave.
    ///
    /// - Parameters:
    ///   - joining: By server id, what `zoo.cfg` would have behind `server.<id>=`.
    ///   - leaving: Server ids.
    ///   - version: The version the ensemble must have; `nil`: any.
    public static func change(
        joining: [Int: String] = [:], leaving: [Int] = [], ifVersion version: Int64? = nil
    ) -> Reconfiguration {
        Reconfiguration(
            joining: joining.isEmpty ? nil : lines(joining),
            leaving: leaving.isEmpty ? nil : leaving.map(String.init).joined(separator: ","),
            version: version ?? -1)
    }

    /// The ensemble will have exactly these servers.
    ///
    /// - Parameters:
    ///   - members: By server id, what `zoo.cfg` would have behind `server.<id>=`.
    ///   - version: The version the ensemble must have; `nil`: any.
    public static func replace(with members: [Int: String], ifVersion version: Int64? = nil) -> Reconfiguration {
        Reconfiguration(members: lines(members), version: version ?? -1)
    }

    private static func lines(_ servers: [Int: String]) -> String {
        servers.sorted { $0.key < $1.key }.map { "server.\($0.key)=\($0.value)" }.joined(separator: ",")
    }

    /// The form in which the change is sent.
    package var texts: [String] { [joining, leaving, members].compactMap(\.self) }
}

/// Changes which servers the ensemble has.
public struct Reconfigure: ZooKeeperOperation {
    public var change: Reconfiguration

    public init(_ change: Reconfiguration) { self.change = change }

    public func makeRequest() -> Request { Request(.reconfigure(change)) }

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
    ) async throws(ZooKeeperError) -> EnsembleConfiguration {
        try await perform(GetEnsembleConfiguration(), file: file, line: line)
    }

    /// As ``ensembleConfiguration(file:line:)``, and a watch that sees it change.
    ///
    /// - Throws: Also `watchBudgetExceeded`.
    public func ensembleConfigurationWatched(
        file: String = #fileID, line: Int = #line
    ) async throws(ZooKeeperError) -> Watched<EnsembleConfiguration> {
        try await perform(GetEnsembleConfiguration().watched, file: file, line: line)
    }

    /// Changes which servers the ensemble has.
    ///
    /// - Returns: The new configuration.
    /// - Throws: ``ZooKeeperError``: `unimplemented` if the servers do not allow it or are standalone, `noAuth` without
    ///   the right to write `/zookeeper/config`, `badVersion`, `invalidArgument`, `refused`, and what any call may
    ///   throw.
    @discardableResult
    public func reconfigure(
        _ change: Reconfiguration, file: String = #fileID, line: Int = #line
    ) async throws(ZooKeeperError) -> EnsembleConfiguration {
        try await perform(Reconfigure(change), file: file, line: line)
    }
}
