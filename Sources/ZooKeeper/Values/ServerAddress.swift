// SPDX-License-Identifier: Apache-2.0

/// The address of one server of the ensemble.
public struct ServerAddress: Sendable, Hashable, CustomStringConvertible {
    /// A host name or a numeric address, without brackets.
    public let host: String
    /// 1 to 65535.
    public let port: Int

    /// ZooKeeper's usual client port.
    public static let defaultPort = 2181

    /// - Parameters:
    ///   - host: A host name or a numeric address.
    ///   - port: The client port, 1 to 65535.
    /// - Throws: ``ZooKeeperError`` with code `invalidConfiguration`.
    public init(host: String, port: Int = ServerAddress.defaultPort) throws {
        try self.init(checking: host, port: port)
    }

    /// As ``init(host:port:)``, with a typed throw.
    private init(checking host: String, port: Int) throws(ZooKeeperError) {
        let forbidden: [UInt8] = [0x7F, UInt8(ascii: ","), UInt8(ascii: "["), UInt8(ascii: "]")]
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && !forbidden.contains($0) }) else {
            throw ZooKeeperError(.invalidConfiguration, message: "\"\(host)\" is not a valid host name")
        }
        guard (1...65535).contains(port) else {
            throw ZooKeeperError(.invalidConfiguration, message: "port \(port) of \(host) is not in 1...65535")
        }
        self.host = host
        self.port = port
    }

    /// Reads `host`, `host:port`, `[address]` or `[address]:port`.
    init(parsing text: String) throws(ZooKeeperError) {
        // In bytes, so that no combining mark hides a bracket or a colon.
        let (bytes, colon) = (text.utf8, UInt8(ascii: ":"))
        var host = text[...]
        var port: Substring?
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else {
                throw ZooKeeperError(.invalidConfiguration, message: "\"\(text)\" has no closing bracket")
            }
            host = text[bytes.index(after: text.startIndex)..<end]
            let rest = text[bytes.index(after: end)...]
            guard rest.isEmpty || rest.utf8.first == colon else {
                throw ZooKeeperError(.invalidConfiguration, message: "\"\(text)\" has text after its bracket")
            }
            if !rest.isEmpty { port = Substring(rest.utf8.dropFirst()) }
        } else if let last = bytes.lastIndex(of: colon) {
            host = text[..<last]
            port = text[bytes.index(after: last)...]
        }
        var number = Self.defaultPort
        if let port {
            guard let parsed = Int(port), port.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                throw ZooKeeperError(.invalidConfiguration, message: "\"\(text)\" has no valid port")
            }
            number = parsed
        }
        try self.init(checking: String(host), port: number)
    }

    /// `host:port`, with brackets around a numeric IPv6 address.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
