// SPDX-License-Identifier: Apache-2.0

/// The naming scheme of a read/write lock's nodes, and so the libraries that take part in it.
public struct ReadWriteLockDialect: RevocableDialect {
    public let scheme: NamingScheme

    init(_ dialect: LineDialect) { scheme = NamingScheme(dialect) }

    /// The default: Apache Curator's.
    public static var standard: ReadWriteLockDialect { .curator }

    /// Apache Curator's `InterProcessReadWriteLock`: `_c_<UUID>-__READ__<digits>` and `_c_<UUID>-__WRIT__<digits>`,
    /// parents as containers. The default.
    public static let curator = ReadWriteLockDialect(.curatorReadWrite)

    /// kazoo's `ReadLock` and `WriteLock`: `<32 hexadecimal digits>__rlock__<digits>` and `…__lock__<digits>`, parents
    /// as persistent nodes.
    public static let kazoo = ReadWriteLockDialect(.kazoo)
}
