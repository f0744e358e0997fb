// SPDX-License-Identifier: Apache-2.0

/// The naming scheme of an election's nodes, and so the libraries that take part in it.
public struct ElectionDialect: RecipeDialect {
    public let scheme: NamingScheme

    init(_ dialect: LineDialect) { scheme = NamingScheme(dialect) }

    /// The default: Apache Curator's.
    public static var standard: ElectionDialect { .curatorLatch }

    /// Apache Curator's `LeaderLatch`: `_c_<UUID>-latch-<digits>`, parents as containers. The default.
    ///
    /// The nodes are never written after their creation: a latch that waits behind a node that is written goes deaf.
    /// Nothing here does that, and neither should an operator.
    public static let curatorLatch = ElectionDialect(.curatorLatch)

    /// Apache Curator's `LeaderSelector`: `_c_<UUID>-lock-<digits>`, parents as containers. It does not see the
    /// candidates of a latch.
    public static let curatorSelector = ElectionDialect(.curator)

    /// kazoo's `Election`: `<32 hexadecimal digits>__lock__<digits>`, parents as persistent nodes.
    public static let kazoo = ElectionDialect(.kazoo)
}
