// SPDX-License-Identifier: Apache-2.0

import ZooKeeper

// Access control: the schemes `world`, `auth`, `digest` and `ip`, as the server implements them.

extension ZooKeeperModel {
    /// Returns whether `entries` give an identity of the connection at least one of `permissions`.
    func allows(
        _ permissions: AccessControl.Permissions, by entries: [AccessControl.Entry], _ connection: ConnectionID
    ) -> Bool {
        let identities = connections[connection]?.identities ?? []
        return entries.contains { entry in
            guard !entry.permissions.isDisjoint(with: permissions) else { return false }
            return entry.identity == .anyone || identities.contains { $0.matches(entry.identity) }
        }
    }

    /// Throws `noAuth` unless `entries` give an identity of the connection at least one of `permissions`.
    func require(
        _ permissions: AccessControl.Permissions, by entries: [AccessControl.Entry], _ connection: ConnectionID
    ) throws(ResultFailure) {
        if !allows(permissions, by: entries, connection) { throw ResultFailure(.noAuth) }
    }

    /// Returns the list as the server stores it: each entry once, `auth` replaced by the identities of the connection.
    func resolve(
        _ accessControl: AccessControl, _ connection: ConnectionID
    ) throws(ResultFailure) -> [AccessControl.Entry] {
        var requested: [AccessControl.Entry] = []
        for entry in accessControl.entries where !requested.contains(entry) { requested.append(entry) }
        if requested.isEmpty { throw ResultFailure(.invalidACL) }
        var resolved: [AccessControl.Entry] = []
        for entry in requested {
            if entry.identity.scheme == "auth" {
                let proven = (connections[connection]?.identities ?? []).filter { $0.scheme == "digest" }
                if proven.isEmpty { throw ResultFailure(.invalidACL) }
                resolved += proven.map { AccessControl.Entry(entry.permissions, for: $0) }
            } else {
                guard entry.identity.isValid else { throw ResultFailure(.invalidACL) }
                resolved.append(entry)
            }
        }
        return resolved
    }

    /// Adds an identity to a connection. It counts for the requests of that connection only: the session's next one
    /// authenticates again.
    mutating func authenticate(
        _ credential: Credential, xid: Int32, _ connection: ConnectionID, _ outputs: inout [Output]
    ) {
        let none = Zxid(rawValue: 0)
        let identity: AccessControl.Identity
        switch credential.scheme {
        case "digest": identity = .proven(by: credential.proof)
        case "ip": identity = .local
        default:
            outputs.append(.reply(connection, xid: xid, zxid: none, .failure(ResultFailure(.authFailed))))
            close(connection, &outputs)
            return
        }
        if connections[connection]?.identities.contains(identity) == false {
            connections[connection]?.identities.append(identity)
        }
        outputs.append(.reply(connection, xid: xid, zxid: none, .success(.done)))
    }
}

extension AccessControl.Entry {
    /// The entry as a client sees it that may read the list but not change it: without the hash of the password.
    var withoutSecret: AccessControl.Entry {
        guard identity.scheme == "digest", let colon = identity.id.firstIndex(of: ":") else { return self }
        return AccessControl.Entry(
            permissions, for: AccessControl.Identity(scheme: "digest", id: identity.id[..<colon] + ":x"))
    }
}

extension AccessControl.Identity {
    /// The identity that every connection has by its address.
    static let local = AccessControl.Identity(scheme: "ip", id: "127.0.0.1")

    static func proven(by proof: [UInt8]) -> AccessControl.Identity {
        let user = proof.prefix { $0 != UInt8(ascii: ":") }
        return .digest(user: String(decoding: user, as: UTF8.self), hash: SHA1.hash(of: proof).base64)
    }

    /// Indicates whether an access control list may contain the identity.
    fileprivate var isValid: Bool {
        switch scheme {
        case "world": id == "anyone"
        case "digest": Self.hasTwoParts(id)
        case "ip": AddressRange(id) != nil
        default: false
        }
    }

    /// Returns whether an entry for `other` applies to this identity of a connection.
    fileprivate func matches(_ other: AccessControl.Identity) -> Bool {
        guard scheme == other.scheme else { return false }
        guard scheme == "ip" else { return id == other.id }
        guard let range = AddressRange(other.id), let own = AddressRange(id) else { return false }
        return range.contains(own.address)
    }

    /// Returns whether `id` has two parts as the server counts them: empty ones at the end do not count.
    private static func hasTwoParts(_ id: String) -> Bool {
        var parts = id.split(separator: ":", omittingEmptySubsequences: false)
        while parts.last?.isEmpty == true { parts.removeLast() }
        return parts.count == 2
    }
}

/// An IPv4 address, or the range of addresses that share a number of leading bits with it.
private struct AddressRange {
    let address: UInt32
    private let bits: UInt32

    init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let numbers = parts[0].split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard numbers.count == 4 else { return nil }
        var address: UInt32 = 0
        for number in numbers {
            guard let number else { return nil }
            address = address << 8 | UInt32(number)
        }
        self.address = address
        guard parts.count == 2 else {
            bits = 32
            return
        }
        guard let bits = UInt32(parts[1]), bits <= 32 else { return nil }
        self.bits = bits
    }

    func contains(_ other: UInt32) -> Bool {
        // Shifting by all 32 bits leaves nothing, so every address is in `/0`.
        (address ^ other) >> (32 - bits) == 0
    }
}
