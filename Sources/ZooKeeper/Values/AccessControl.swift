// SPDX-License-Identifier: Apache-2.0

/// The access control list of a node: identities, each with its permissions.
public struct AccessControl: Sendable, Hashable {
    /// The permissions of an identity on a node.
    public struct Permissions: OptionSet, Sendable, Hashable {
        /// The bits, as ZooKeeper sends them.
        public let rawValue: Int32

        /// The permissions with these bits.
        public init(rawValue: Int32) { self.rawValue = rawValue }

        /// Read the node's data and list its children.
        public static let read = Permissions(rawValue: 1)
        /// Change the node's data.
        public static let write = Permissions(rawValue: 2)
        /// Create children.
        public static let create = Permissions(rawValue: 4)
        /// Delete children.
        public static let delete = Permissions(rawValue: 8)
        /// Change the node's access control.
        public static let admin = Permissions(rawValue: 16)
        /// All of them.
        public static let all: Permissions = [.read, .write, .create, .delete, .admin]
    }

    /// An identity as the server knows it: a scheme, and an id in that scheme.
    public struct Identity: Sendable, Hashable {
        /// The authentication scheme, for example `digest`.
        public var scheme: String
        /// The id in that scheme.
        public var id: String

        /// For example scheme `ip`, id `10.0.0.0/8`. Checked by the server, which throws `invalidACL`.
        public init(scheme: String, id: String) {
            self.scheme = scheme
            self.id = id
        }

        /// Everybody.
        public static let anyone = Identity(scheme: "world", id: "anyone")
        /// The identities of the session that creates the node. A session without credentials gets `invalidACL`.
        public static let creator = Identity(scheme: "auth", id: "")

        /// A user of the digest scheme.
        ///
        /// - Parameters:
        ///   - user: The name of the user.
        ///   - hash: Base64 of the SHA-1 of `user:password`, as `DigestAuthenticationProvider` prints it.
        public static func digest(user: String, hash: String) -> Identity {
            Identity(scheme: "digest", id: "\(user):\(hash)")
        }

        /// A user of the digest scheme, who shows ``Credential/digest(user:password:)``. Only the hash goes to the servers.
        public static func digest(user: String, password: String) -> Identity {
            digest(user: user, hash: SHA1.hash(of: Array("\(user):\(password)".utf8)).base64)
        }
    }

    /// One identity and its permissions.
    public struct Entry: Sendable, Hashable {
        /// The permissions that the identity has.
        public var permissions: Permissions
        /// The identity that has them.
        public var identity: Identity

        /// An identity with these permissions.
        public init(_ permissions: Permissions, for identity: Identity) {
            self.permissions = permissions
            self.identity = identity
        }
    }

    /// The identities, each with its permissions. A node is open to those that one of them matches.
    public var entries: [Entry]

    /// - Parameter entries: At least one; an empty list makes the operation throw `invalidACL`, nothing is sent.
    public init(_ entries: [Entry]) { self.entries = entries }

    /// Anyone may do everything. The default of every create.
    public static let open = AccessControl([Entry(.all, for: .anyone)])
    /// Anyone may read, nobody may do anything else.
    public static let readOnly = AccessControl([Entry(.read, for: .anyone)])
    /// Every permission for the creator of the node, none for others: of a lock, only its identity takes part, and others
    /// get `noAuth`. A session without credentials gets `invalidACL`.
    public static let creatorAll = AccessControl([Entry(.all, for: .creator)])
    /// Every permission for the creator of the node; others may read it, and list its children.
    public static let creatorAllAnyoneReads = AccessControl([Entry(.all, for: .creator), Entry(.read, for: .anyone)])

    /// Every permission for each of these identities: for a lock that several users share, none of which trusts the rest
    /// of the world.
    ///
    /// - Parameters:
    ///   - identities: At least one.
    ///   - anyoneReads: Lets others read the node, and list its children.
    public static func all(for identities: [Identity], anyoneReads: Bool = false) -> AccessControl {
        AccessControl(identities.map { Entry(.all, for: $0) } + (anyoneReads ? [Entry(.read, for: .anyone)] : []))
    }
}
