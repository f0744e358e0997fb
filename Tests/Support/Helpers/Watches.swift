// SPDX-License-Identifier: Apache-2.0

public import ZooKeeperTesting

extension ZooKeeperServer {
    /// Returns the number of watches on data and existence by the server's own count, which leaves out those on
    /// children.
    public func watchCount() async throws -> Int {
        let answer = try await ask("wchs")
        return answer.split(separator: ":").last.flatMap { Int($0.trimmed) } ?? 0
    }
}

extension Substring {
    fileprivate var trimmed: Substring { drop { $0.isWhitespace }.prefix { !$0.isWhitespace } }
}
