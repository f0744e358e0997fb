public import ZooKeeperTesting

extension ZooKeeperServer {
    /// How many watches on data and existence the server has, by its own count. (Of those on children it gives none.)
    public func watchCount() async throws -> Int {
        let answer = try await ask("wchs")
        return answer.split(separator: ":").last.flatMap { Int($0.trimmed) } ?? 0
    }
}

extension Substring {
    fileprivate var trimmed: Substring { drop { $0.isWhitespace }.prefix { !$0.isWhitespace } }
}
