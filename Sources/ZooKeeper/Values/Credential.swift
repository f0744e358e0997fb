// SPDX-License-Identifier: Apache-2.0

/// Proof of an identity, shown to the server at the start of every connection.
///
/// Its description never contains the secret.
public struct Credential: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    package let scheme: String
    package let proof: [UInt8]

    /// - Parameters:
    ///   - scheme: An authentication scheme that every server of the ensemble knows. With an unknown one the server
    ///     ends the connection, and the session with it: `authenticationFailed`.
    ///   - proof: The proof that the scheme expects.
    public init(scheme: String, proof: some Sequence<UInt8>) {
        self.scheme = scheme
        self.proof = Array(proof)
    }

    /// A name and a password of the digest scheme. ZooKeeper does not keep passwords: this never fails, and defines
    /// which nodes with a digest ACL the session may touch.
    public static func digest(user: String, password: String) -> Credential {
        Credential(scheme: "digest", proof: "\(user):\(password)".utf8)
    }

    /// The scheme only.
    public var description: String { "Credential(scheme: \(scheme), proof: <redacted>)" }

    /// The scheme only.
    public var customMirror: Mirror { Mirror(self, children: ["scheme": scheme]) }
}
