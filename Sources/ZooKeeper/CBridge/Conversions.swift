// SPDX-License-Identifier: Apache-2.0

import CZooKeeper

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

// Between C's values and ours. What C gives is copied; what C gets is valid during the call.

extension ZNodeStat {
    init(_ stat: Stat) {
        self.init(
            czxid: Zxid(rawValue: stat.czxid),
            mzxid: Zxid(rawValue: stat.mzxid),
            pzxid: Zxid(rawValue: stat.pzxid),
            ctime: stat.ctime,
            mtime: stat.mtime,
            version: stat.version,
            cversion: stat.cversion,
            aversion: stat.aversion,
            ephemeralOwner: SessionID(rawValue: stat.ephemeralOwner),
            dataLength: stat.dataLength,
            numChildren: stat.numChildren)
    }
}

extension ChildNames {
    init(_ vector: String_vector) {
        let strings = unsafe UnsafeBufferPointer(start: vector.data, count: Int(vector.count))
        var ends: [Int] = []
        ends.reserveCapacity(strings.count)
        for index in strings.indices {
            let length = unsafe strings[index].map { unsafe strlen($0) } ?? 0
            ends.append((ends.last ?? 0) + length)
        }
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: ends.last ?? 0) { buffer, count in
            for (index, end) in ends.enumerated() {
                guard let base = buffer.baseAddress, let name = unsafe strings[index] else { continue }
                unsafe memcpy(base + count, name, end - count)
                count = end
            }
        }
        self.init(bytes: bytes, ends: ends)
    }
}

extension AccessControl {
    init(_ vector: ACL_vector) {
        let entries = unsafe UnsafeBufferPointer(start: vector.data, count: Int(vector.count))
        self.init(
            unsafe entries.map { entry in
                let scheme = unsafe entry.id.scheme.map { unsafe String(cString: $0) } ?? ""
                let id = unsafe entry.id.id.map { unsafe String(cString: $0) } ?? ""
                return unsafe Entry(Permissions(rawValue: entry.perms), for: Identity(scheme: scheme, id: id))
            })
    }

    /// Calls `body` with the list as C wants it.
    func withCVector<Result>(_ body: (UnsafePointer<ACL_vector>) -> Result) -> Result {
        if self == .open, let open = unsafe czk_open_acl() { return unsafe body(open) }
        // All strings in one block, each ended by a zero; then pointers into it.
        var text: [CChar] = []
        var starts: [(scheme: Int, id: Int)] = []
        for entry in entries {
            let scheme = text.count
            text.append(contentsOf: entry.identity.scheme.utf8CString)
            starts.append((scheme, text.count))
            text.append(contentsOf: entry.identity.id.utf8CString)
        }
        return unsafe text.withUnsafeMutableBufferPointer { text in
            guard let base = text.baseAddress else { preconditionFailure("an access control list has an entry") }
            var list = unsafe zip(entries, starts).map { entry, start in
                unsafe ACL(
                    perms: entry.permissions.rawValue, id: Id(scheme: base + start.scheme, id: base + start.id))
            }
            return unsafe list.withUnsafeMutableBufferPointer { list in
                var vector = unsafe ACL_vector(count: Int32(list.count), data: list.baseAddress)
                return unsafe body(&vector)
            }
        }
    }
}

extension [UInt8] {
    /// Calls `body` with the bytes as C wants them: never a null pointer, which would mean null data.
    func withCData<Result>(_ body: (UnsafePointer<CChar>, Int32) -> Result) -> Result {
        unsafe withUnsafeBytes { bytes in
            if let base = bytes.baseAddress, bytes.count > 0 {
                return unsafe body(base.assumingMemoryBound(to: CChar.self), Int32(bytes.count))
            }
            var nothing: CChar = 0
            return unsafe body(&nothing, 0)
        }
    }
}

extension CreateMode {
    /// The library's number for this mode.
    var cMode: Int32 {
        switch (lifetime, isSequential) {
        case (.persistent, false): ZOO_PERSISTENT
        case (.ephemeral, false): ZOO_EPHEMERAL
        case (.persistent, true): ZOO_PERSISTENT_SEQUENTIAL
        case (.ephemeral, true): ZOO_EPHEMERAL_SEQUENTIAL
        case (.container, _): ZOO_CONTAINER
        case (.timeToLive, false): ZOO_PERSISTENT_WITH_TTL
        case (.timeToLive, true): ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL
        }
    }
}
