// SPDX-License-Identifier: Apache-2.0

public import ZooKeeper

/// The settings of a lock, a read/write lock or an election: ``ZooKeeperLock/Configuration``,
/// ``ZooKeeperReadWriteLock/Configuration``, ``ZooKeeperElection/Configuration``.
public struct RecipeConfiguration<Dialect: RecipeDialect>: Sendable, Hashable {
    /// The naming scheme of the nodes, and so the libraries that take part. Default: Apache Curator's.
    public var dialect: Dialect
    /// The data of the participant's node, by which others know it. Default: host name and process id.
    public var id: String
    /// The access control of the participant's node. Those behind it must be able to read it. Default: open.
    public var accessControl = AccessControl.open
    /// The access control of the directory of the queue, if this participant creates it; one that is there is left as it
    /// is. To join takes the permissions READ and CREATE on it, to leave DELETE: who has DELETE can take the lock from its
    /// holder. `nil`, the default: as ``accessControl``.
    public var directoryAccessControl: AccessControl?
    /// The access control of those of the directory's ancestors that this participant creates. Default: open, so that
    /// others can have locks of their own beside this one.
    public var ancestorAccessControl = AccessControl.open
    /// The treatment of other kinds of lock that are in use in the same directory. Default: they are refused.
    public var mixedKinds = MixedKindsPolicy.refuse
    /// The trouble that ends a hold. Default: ``LossPolicy/onDeadline``.
    public var lossPolicy = LossPolicy.onDeadline
    /// The moment at which a release returns. Default: ``LockRelease/acknowledged``.
    public var release = LockRelease.acknowledged
    /// The name of the lock or the election in metrics and spans, for example `invoices`: the value of the label `lock`. One
    /// name for all locks of one purpose, not one for each path: a metrics backend keeps a series for each name. `nil`, the
    /// default: `unnamed`.
    public var metricsName: String?
    /// See ``cancelsBodyOnRevocationRequest``.
    package var isBodyRevocable = false

    /// Creates a configuration with the defaults of everything else.
    ///
    /// - Parameters:
    ///   - dialect: The naming scheme of the nodes; `nil`: Apache Curator's.
    ///   - id: The data of the participant's node; `nil`: host name and process id.
    public init(dialect: Dialect? = nil, id: String? = nil) {
        self.dialect = dialect ?? .standard
        self.id = id ?? ProcessIdentity.description
    }

    /// The settings of the contenders of this recipe.
    func contenderSettings(
        _ policy: ContentionPolicy, at directory: ZNodePath, of client: ZooKeeperClient, _ recipe: RecipeName
    ) -> ContenderSettings {
        ContenderSettings(
            at: directory, dialect: dialect.scheme.dialect, policy: policy, data: Array(id.utf8),
            accessControl: accessControl, directoryAccessControl: directoryAccessControl,
            ancestorAccessControl: ancestorAccessControl, lossPolicy: lossPolicy, mixedKinds: mixedKinds,
            instruments: client.instruments?.lock(metricsName, recipe, at: directory))
    }
}

extension RecipeConfiguration where Dialect: RevocableDialect {
    /// Cancels a scope's body when another client requests revocation, as it is cancelled when the lock is lost; what
    /// it then returns or throws counts, for the lock has not been lost. Default: `false`;
    /// ``LockLease/revocationRequest()`` tells the body.
    public var cancelsBodyOnRevocationRequest: Bool {
        get { isBodyRevocable }
        set { isBodyRevocable = newValue }
    }
}

/// A naming scheme of nodes that a recipe can use: ``LockDialect``, ``ReadWriteLockDialect``, ``ElectionDialect``. The
/// library has all conforming types there are.
public protocol RecipeDialect: Sendable, Hashable {
    /// The default: Apache Curator's.
    static var standard: Self { get }
    /// The scheme, as the core knows it.
    var scheme: NamingScheme { get }
}

/// The naming scheme of a queue's nodes, for the library only.
public struct NamingScheme: Sendable, Hashable {
    package var dialect: LineDialect

    package init(_ dialect: LineDialect) { self.dialect = dialect }
}

/// A naming scheme whose nodes may be written to by those who request revocation.
public protocol RevocableDialect: RecipeDialect {}
