// SPDX-License-Identifier: Apache-2.0

public import ZooKeeper

/// A number that grows from holder to holder of one lock, for a resource that must refuse a holder that is late.
///
/// A process that is paused does not know that its lock has been lost; when it goes on, its next write is under way.
/// Only the resource itself can refuse it: it remembers the highest token it has seen and takes nothing with a lower
/// one. In SQL, for a table with one row per resource:
///
/// ```sql
/// UPDATE ledger SET amount = :amount, fence = :token WHERE id = :id AND fence <= :token
/// ```
///
/// and no row updated means: refused. As text (``description``) and as bytes (``bytes``) tokens sort as they are
/// ordered, so any database can compare them.
///
/// The token is the transaction that created the lock's node. It stays in order over restarts of the servers, changes
/// of leader and the removal of the lock's directory; not if the ensemble's data is wiped or restored from a backup.
///
/// It orders *exclusive* holders. Readers that share a lock must not be fenced with it.
public struct FencingToken: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The transaction that created the holder's node.
    public let czxid: Zxid
    /// Counts holders that share one node, one after the other. Zero today.
    public let counter: UInt32

    /// Creates the token of a holder whose node was created by the transaction `czxid`.
    public init(czxid: Zxid, counter: UInt32 = 0) {
        self.czxid = czxid
        self.counter = counter
    }

    /// Reads what ``bytes`` gave; `nil` if it is something else.
    public init?(bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        guard bytes.count == 12 else { return nil }
        czxid = Zxid(rawValue: bytes[..<8].reduce(0) { ($0 << 8) | Int64($1) })
        counter = bytes[8...].reduce(0) { ($0 << 8) | UInt32($1) }
    }

    /// Reads what ``description`` gave; `nil` if it is something else.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == 24,
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
            let czxid = UInt64(text.prefix(16), radix: 16), let counter = UInt32(text.suffix(8), radix: 16)
        else { return nil }
        self.init(czxid: Zxid(rawValue: Int64(bitPattern: czxid)), counter: counter)
    }

    /// Orders by the time of the grant.
    public static func < (left: FencingToken, right: FencingToken) -> Bool {
        (left.czxid, left.counter) < (right.czxid, right.counter)
    }

    /// 12 bytes that sort as the tokens are ordered.
    public var bytes: [UInt8] {
        let high = UInt64(bitPattern: czxid.rawValue)
        return (0..<8).map { UInt8(truncatingIfNeeded: high >> (56 - 8 * $0)) }
            + (0..<4).map { UInt8(truncatingIfNeeded: counter >> (24 - 8 * $0)) }
    }

    /// 24 hexadecimal digits that sort as the tokens are ordered.
    public var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
