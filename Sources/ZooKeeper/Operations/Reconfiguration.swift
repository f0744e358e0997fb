// SPDX-License-Identifier: Apache-2.0

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
    /// The change.
    public var change: Reconfiguration

    /// The operation that makes `change`.
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
    /// Changes which servers the ensemble has.
    ///
    /// - Returns: The new configuration.
    /// - Throws: ``ZooKeeperError``: `unimplemented` if the servers do not allow it or are standalone, `noAuth` without
    ///   the right to write `/zookeeper/config`, `badVersion`, `invalidArgument`, `refused`, and what any call may
    ///   throw.
    @discardableResult
    public func reconfigure(
        _ change: Reconfiguration, file: String = #fileID, line: Int = #line
    ) async throws -> EnsembleConfiguration {
        try await perform(Reconfigure(change), file: file, line: line)
    }
}
