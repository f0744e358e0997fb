// SPDX-License-Identifier: Apache-2.0

/// The naming scheme of a lock's nodes, and so the libraries that take part in it.
public struct LockDialect: RevocableDialect {
    public let scheme: NamingScheme

    init(_ dialect: LineDialect) { scheme = NamingScheme(dialect) }

    /// The default: Apache Curator's.
    public static var standard: LockDialect { .curator }

    /// Apache Curator's `InterProcessMutex`: `_c_<UUID>-lock-<digits>`, parents as containers. Also understood by
    /// go-zookeeper's `Lock` and by Curator's `LeaderSelector`. The default.
    ///
    /// It does not exclude Curator's `InterProcessSemaphoreMutex`, which uses other nodes, nor kazoo.
    public static let curator = LockDialect(.curator)

    /// kazoo's `Lock`: `<32 hexadecimal digits>__lock__<digits>`, parents as persistent nodes. Also waits for kazoo's
    /// `ReadLock` and `WriteLock` on the same path.
    public static let kazoo = LockDialect(.kazoo)

    /// Names of one's own: `<32 hexadecimal digits><marker><digits>`, parents as containers.
    ///
    /// - Parameter marker: The text right before the digits, which no other child's name has, for example `-mutex-`.
    ///   Not empty, without `/`, not ending in a digit; traps otherwise.
    public static func custom(_ marker: String) -> LockDialect {
        precondition(
            marker.utf8.last.map { !(0x30...0x39).contains($0) } ?? false && !marker.utf8.contains(0x2F),
            "a marker must not be empty, contain '/' or end in a digit")
        var dialect = LineDialect(head: "", markers: [.init(.exclusive, written: marker, read: marker)])
        dialect.hasDashes = false
        // Other clients that write such names may not keep the order.
        dialect.isOrdered = false
        return LockDialect(dialect)
    }

    /// The same dialect, which also waits for contenders of `other` that stand in front. Ours are named as before, so
    /// whether the others wait for ours is for them to know: Curator and kazoo never wait for each other's.
    public func alsoRecognising(_ other: LockDialect) -> LockDialect {
        LockDialect(scheme.dialect.alsoReading(other.scheme.dialect))
    }
}
